using System.Globalization;
using System.Text;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Commands;

/// <summary>Commands that concern the connection only.</summary>
internal static class ConnectionCommands
{
    /// <summary>The version of Redis whose behaviour is followed: what clients use to tell which commands there are.</summary>
    public const string RedisVersion = "7.0.15";

    public static void Ping(RespSession session, RespArguments a)
    {
        if (a.Count > 2)
            session.Writer.Error("ERR wrong number of arguments for 'ping' command");
        else if (a.Count == 2)
            session.Writer.Bulk(a[1]);
        else
            session.Writer.Simple("PONG"u8);
    }

    public static void Echo(RespSession session, RespArguments a) => session.Writer.Bulk(a[1]);

    public static void Auth(RespSession session, RespArguments a) => session.Writer.Error(
        a.Count > 3
            ? Replies.Syntax
            : "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?");

    public static void Select(RespSession session, RespArguments a)
    {
        if (!RespNumbers.TryParse(a[1], out var index) || index is < int.MinValue or > int.MaxValue)
            session.Writer.Error(Replies.NotAnInteger);
        else if (index != 0)
            session.Writer.Error("ERR DB index is out of range");
        else
            session.Writer.Ok();
    }

    public static void Quit(RespSession session, RespArguments a)
    {
        session.WantsToClose = true;
        session.Writer.Ok();
    }

    public static void Reset(RespSession session, RespArguments a)
    {
        session.Reset();
        session.Writer.Simple("RESET"u8);
    }

    /// <summary>HELLO [version [AUTH user password] [SETNAME name]]</summary>
    public static void Hello(RespSession session, RespArguments a)
    {
        var writer = session.Writer;
        var version = (long)writer.Protocol;
        if (a.Count >= 2)
        {
            if (!RespNumbers.TryParse(a[1], out version))
            {
                writer.Error("ERR Protocol version is not an integer or out of range");
                return;
            }
            if (version is not (2 or 3))
            {
                writer.Error("NOPROTO unsupported protocol version");
                return;
            }
        }
        string? name = null;
        for (var i = 2; i < a.Count; i++)
        {
            if (a.Is(i, "AUTH"u8) && i + 2 < a.Count)
            {
                writer.Error("ERR HELLO AUTH is refused: this node has no passwords");
                return;
            }
            if (!a.Is(i, "SETNAME"u8) || i + 1 >= a.Count)
            {
                writer.Error($"ERR Syntax error in HELLO option '{Encoding.Latin1.GetString(a[i])}'");
                return;
            }
            if (!ClientCommands.IsName(a[++i]))
            {
                writer.Error(ClientCommands.BadName);
                return;
            }
            if (a[i].Length > ClientCommands.MaxNameBytes)
            {
                writer.Error(ClientCommands.NameTooLong(a[i].Length));
                return;
            }
            name = Encoding.ASCII.GetString(a[i]);
        }
        session.Name = name ?? session.Name;
        writer.Protocol = (int)version;
        writer.Map(7);
        writer.Bulk("server"u8);
        writer.Bulk("redis"u8);
        writer.Bulk("version"u8);
        writer.Bulk(RedisVersion);
        writer.Bulk("proto"u8);
        writer.Integer(version);
        writer.Bulk("id"u8);
        writer.Integer(session.Id);
        writer.Bulk("mode"u8);
        writer.Bulk("standalone"u8);
        writer.Bulk("role"u8);
        writer.Bulk("master"u8);
        writer.Bulk("modules"u8);
        writer.Array(0);
    }
}
