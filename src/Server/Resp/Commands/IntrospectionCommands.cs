using System.Text;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Commands;

/// <summary>COMMAND and its subcommands, answered from the table.</summary>
internal static class IntrospectionCommands
{
    private static readonly (CommandFlags Flag, string Name)[] FlagNames =
    [
        (CommandFlags.Write, "write"), (CommandFlags.ReadOnly, "readonly"), (CommandFlags.DenyOom, "denyoom"), (CommandFlags.Admin, "admin"),
        (CommandFlags.NoScript, "noscript"), (CommandFlags.Loading, "loading"), (CommandFlags.Stale, "stale"), (CommandFlags.Fast, "fast"), (CommandFlags.NoMulti, "no_multi"),
    ];

    public static void Command(RespSession session, RespArguments a)
    {
        var writer = session.Writer;
        if (a.Count == 1)
        {
            writer.Array(CommandTable.All.Count);
            foreach (var command in CommandTable.All)
                WriteInfo(writer, command);
        }
        else if (a.Is(1, "COUNT"u8) && a.Count == 2)
            writer.Integer(CommandTable.All.Count);
        else if (a.Is(1, "LIST"u8) && a.Count == 2)
        {
            writer.Set(CommandTable.All.Count);
            foreach (var command in CommandTable.All)
                writer.Bulk(command.Name);
        }
        else if (a.Is(1, "INFO"u8))
        {
            var chosen = Choose(a);
            writer.Array(chosen.Count);
            foreach (var command in chosen)
            {
                if (command is null)
                    writer.Null();
                else
                    WriteInfo(writer, command);
            }
        }
        else if (a.Is(1, "DOCS"u8))
        {
            var chosen = Choose(a).OfType<RespCommand>().ToList();
            writer.Map(chosen.Count);
            foreach (var command in chosen)
                WriteDocs(writer, command);
        }
        else if (a.Is(1, "COUNT"u8))
            writer.Error("ERR wrong number of arguments for 'command|count' command");
        else if (a.Is(1, "LIST"u8))
            writer.Error(Replies.Syntax);
        else
            writer.Error(CommandIndex.UnknownSubcommand(a));
    }

    private static List<RespCommand?> Choose(RespArguments a)
    {
        if (a.Count == 2)
            return [.. CommandTable.All];
        var chosen = new List<RespCommand?>();
        for (var i = 2; i < a.Count; i++)
            chosen.Add(CommandTable.Index.Find(a[i]));
        return chosen;
    }

    private static void WriteInfo(RespWriter writer, RespCommand command)
    {
        writer.Array(10);
        writer.Bulk(command.Name);
        writer.Integer(command.Arity);
        var flags = FlagNames.Where(f => (command.Flags & f.Flag) != 0).ToList();
        writer.Set(flags.Count);
        foreach (var (_, name) in flags)
            writer.Simple(Encoding.ASCII.GetBytes(name));
        writer.Integer(command.FirstKey);
        writer.Integer(command.LastKey);
        writer.Integer(command.KeyStep);
        writer.Set(1);
        writer.Simple(Encoding.ASCII.GetBytes("@" + command.Group));
        writer.Array(0);
        writer.Array(0);
        writer.Array(0);
    }

    private static void WriteDocs(RespWriter writer, RespCommand command)
    {
        writer.Bulk(command.Name);
        writer.Map(2);
        writer.Bulk("summary"u8);
        writer.Bulk(command.Summary);
        writer.Bulk("group"u8);
        writer.Bulk(command.Group);
    }
}
