using System.Globalization;
using System.Text;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Commands;

/// <summary>CLIENT and its subcommands.</summary>
internal static class ClientCommands
{
    public const string BadName = "ERR Client names cannot contain spaces, newlines or special characters.";

    /// <summary>Longest name of a client or its library: it is kept as long as the client is there, and CLIENT LIST tells those of all clients at once.</summary>
    public const int MaxNameBytes = 256;

    public static string NameTooLong(int length) => $"ERR a client's or library's name of {length} bytes is longer than the limit of {MaxNameBytes} bytes";

    /// <summary>Whether a name can stand in CLIENT LIST without being taken for something else.</summary>
    public static bool IsName(ReadOnlySpan<byte> name) => name.IndexOfAnyExceptInRange((byte)'!', (byte)'~') < 0;

    public static void Client(RespSession session, RespArguments a)
    {
        var writer = session.Writer;
        if (a.Is(1, "SETNAME"u8))
            SetName(session, a);
        else if (a.Is(1, "GETNAME"u8))
        {
            if (!Takes(session, a, 2, "getname"))
                return;
            if (session.Name.Length == 0)
                writer.Null();
            else
                writer.Bulk(session.Name);
        }
        else if (a.Is(1, "ID"u8))
        {
            if (Takes(session, a, 2, "id"))
                writer.Integer(session.Id);
        }
        else if (a.Is(1, "SETINFO"u8))
            SetInfo(session, a);
        else if (a.Is(1, "INFO"u8))
        {
            if (Takes(session, a, 2, "info"))
                writer.Text(Describe(session) + "\n");
        }
        else if (a.Is(1, "LIST"u8))
            List(session, a);
        else if (a.Is(1, "REPLY"u8))
            Reply(session, a);
        else if (a.Is(1, "NO-EVICT"u8) || a.Is(1, "NO-TOUCH"u8))
        {
            if (!Takes(session, a, 3, a.Is(1, "NO-EVICT"u8) ? "no-evict" : "no-touch"))
                return;
            if (a.Is(2, "ON"u8) || a.Is(2, "OFF"u8))
                writer.Ok();
            else
                writer.Error(Replies.Syntax);
        }
        else
            writer.Error(CommandIndex.UnknownSubcommand(a));
    }

    private static bool Takes(RespSession session, RespArguments a, int count, string name)
    {
        if (a.Count == count)
            return true;
        session.Writer.Error($"ERR wrong number of arguments for 'client|{name}' command");
        return false;
    }

    private static void SetName(RespSession session, RespArguments a)
    {
        if (!Takes(session, a, 3, "setname"))
            return;
        if (!IsName(a[2]))
        {
            session.Writer.Error(BadName);
            return;
        }
        if (a[2].Length > MaxNameBytes)
        {
            session.Writer.Error(NameTooLong(a[2].Length));
            return;
        }
        session.Name = Encoding.ASCII.GetString(a[2]);
        session.Writer.Ok();
    }

    private static void SetInfo(RespSession session, RespArguments a)
    {
        if (!Takes(session, a, 4, "setinfo"))
            return;
        if (!a.Is(2, "LIB-NAME"u8) && !a.Is(2, "LIB-VER"u8))
        {
            session.Writer.Error($"ERR Unrecognized option '{Encoding.Latin1.GetString(a[2])}'");
            return;
        }
        if (!IsName(a[3]))
        {
            session.Writer.Error($"ERR {Encoding.ASCII.GetString(a[2]).ToLowerInvariant()} cannot contain spaces, newlines or special characters.");
            return;
        }
        if (a[3].Length > MaxNameBytes)
        {
            session.Writer.Error(NameTooLong(a[3].Length));
            return;
        }
        if (a.Is(2, "LIB-NAME"u8))
            session.LibraryName = Encoding.ASCII.GetString(a[3]);
        else
            session.LibraryVersion = Encoding.ASCII.GetString(a[3]);
        session.Writer.Ok();
    }

    private static void List(RespSession session, RespArguments a)
    {
        if (a.Count != 2 && !(a.Count == 4 && a.Is(2, "TYPE"u8) && (a.Is(3, "NORMAL"u8) || a.Is(3, "PUBSUB"u8) || a.Is(3, "MASTER"u8) || a.Is(3, "REPLICA"u8))))
        {
            session.Writer.Error(Replies.Syntax);
            return;
        }
        var text = new StringBuilder();
        if (a.Count == 2 || a.Is(3, "NORMAL"u8))
        {
            foreach (var other in session.Clients.Sessions)
                text.Append(Describe(other)).Append('\n');
        }
        session.Writer.Text(text.ToString());
    }

    private static void Reply(RespSession session, RespArguments a)
    {
        if (!Takes(session, a, 3, "reply"))
            return;
        if (a.Is(2, "ON"u8))
        {
            session.Channel.TurnOn();
            session.Writer.Ok();
        }
        else if (a.Is(2, "OFF"u8))
            session.Channel.TurnOff();
        else if (a.Is(2, "SKIP"u8))
            session.Channel.SkipNext();
        else
            session.Writer.Error(Replies.Syntax);
    }

    private static string Describe(RespSession s) => string.Create(
        CultureInfo.InvariantCulture,
        $"id={s.Id} addr={s.RemoteAddress} laddr={s.LocalAddress} name={s.Name} age={(long)(s.Server.Clock.GetUtcNow() - s.Since).TotalSeconds} db=0 multi={(s.MultiExec.IsOpen ? 0 : -1)} tot-cmds={s.Commands} resp={s.Writer.Protocol} lib-name={s.LibraryName} lib-ver={s.LibraryVersion}");
}
