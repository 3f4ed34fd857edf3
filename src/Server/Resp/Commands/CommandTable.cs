using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Server.Resp.Execution;

namespace RaftKv.Server.Resp.Commands;

/// <summary>All commands: arity, flags, keys and what they do, in one place. COMMAND is answered from it.</summary>
internal static class CommandTable
{
    private const CommandFlags Read = CommandFlags.ReadOnly;
    private const CommandFlags FastRead = CommandFlags.ReadOnly | CommandFlags.Fast;
    private const CommandFlags Write = CommandFlags.Write;
    private const CommandFlags Grow = CommandFlags.Write | CommandFlags.DenyOom;
    private const CommandFlags FastGrow = CommandFlags.Write | CommandFlags.DenyOom | CommandFlags.Fast;
    private const CommandFlags FastWrite = CommandFlags.Write | CommandFlags.Fast;
    private const CommandFlags Talk = CommandFlags.Loading | CommandFlags.Stale | CommandFlags.Fast;
    private const CommandFlags Control = CommandFlags.Loading | CommandFlags.Stale | CommandFlags.NoScript;

    /// <summary>In the order of the source.</summary>
    public static IReadOnlyList<RespCommand> All { get; } =
    [
        // Strings.
        Data("get", 2, FastRead, 1, 1, 1, "string", "Gets the value of a key.", StringCommands.Get),
        Data("set", -3, Grow, 1, 1, 1, "string", "Sets the value of a key, under conditions and with an expiry if asked.", StringCommands.Set),
        Data("setnx", 3, FastGrow, 1, 1, 1, "string", "Sets the value of a key that does not exist.", StringCommands.SetNx),
        Data("setex", 4, Grow, 1, 1, 1, "string", "Sets the value of a key and its expiry in seconds.", StringCommands.SetEx),
        Data("psetex", 4, Grow, 1, 1, 1, "string", "Sets the value of a key and its expiry in milliseconds.", StringCommands.PSetEx),
        Data("getset", 3, FastGrow, 1, 1, 1, "string", "Sets the value of a key and returns the value before.", StringCommands.GetSet),
        Data("getdel", 2, FastWrite, 1, 1, 1, "string", "Gets the value of a key and deletes it.", StringCommands.GetDel),
        Data("getex", -2, FastWrite, 1, 1, 1, "string", "Gets the value of a key and changes its expiry.", StringCommands.GetEx),
        Data("mget", -2, FastRead, 1, -1, 1, "string", "Gets the values of several keys, as of one moment.", StringCommands.MGet),
        Data("mset", -3, Grow, 1, -1, 2, "string", "Sets several keys at once.", StringCommands.MSet),
        Data("msetnx", -3, Grow | CommandFlags.NoMulti, 1, -1, 2, "string", "Sets several keys at once if none of them exists.", StringCommands.MSetNx),
        Data("append", 3, FastGrow, 1, 1, 1, "string", "Appends to the value of a key.", StringCommands.Append),
        Data("strlen", 2, FastRead, 1, 1, 1, "string", "Returns the length of a value.", StringCommands.StrLen),
        Data("getrange", 4, Read, 1, 1, 1, "string", "Returns a part of a value.", StringCommands.GetRange),
        Data("substr", 4, Read, 1, 1, 1, "string", "Returns a part of a value.", StringCommands.GetRange),
        Data("setrange", 4, Grow, 1, 1, 1, "string", "Overwrites a part of a value.", StringCommands.SetRange),
        Data("incr", 2, FastGrow, 1, 1, 1, "string", "Adds one to an integer.", StringCommands.Incr),
        Data("decr", 2, FastGrow, 1, 1, 1, "string", "Subtracts one from an integer.", StringCommands.Decr),
        Data("incrby", 3, FastGrow, 1, 1, 1, "string", "Adds to an integer.", StringCommands.IncrBy),
        Data("decrby", 3, FastGrow, 1, 1, 1, "string", "Subtracts from an integer.", StringCommands.DecrBy),
        Data("incrbyfloat", 3, FastGrow, 1, 1, 1, "string", "Adds to a decimal number.", StringCommands.IncrByFloat),

        // Keys.
        Data("del", -2, Write, 1, -1, 1, "generic", "Deletes keys.", KeyCommands.Del),
        Data("unlink", -2, FastWrite, 1, -1, 1, "generic", "Deletes keys.", KeyCommands.Del),
        Exists("exists", "Counts how many of the keys exist."),
        Exists("touch", "Counts how many of the keys exist."),
        Data("type", 2, FastRead, 1, 1, 1, "generic", "Tells the type of a value: string, or none.", KeyCommands.Type),
        Data("rename", 3, Write, 1, 2, 1, "generic", "Renames a key.", KeyCommands.Rename),
        Data("renamenx", 3, FastWrite, 1, 2, 1, "generic", "Renames a key if the new name does not exist.", KeyCommands.RenameNx),
        Data("copy", -3, Grow, 1, 2, 1, "generic", "Copies a key.", KeyCommands.Copy),
        Data("keys", 2, Read | CommandFlags.NoMulti, 0, 0, 0, "generic", "Lists the keys that match a pattern.", ScanCommands.Keys),
        Data("scan", -2, Read, 0, 0, 0, "generic", "Lists keys a page at a time.", ScanCommands.Scan),
        Data("randomkey", 1, Read, 0, 0, 0, "generic", "Returns a key drawn at random.", ScanCommands.RandomKey),
        Data("dbsize", 1, FastRead, 0, 0, 0, "server", "Counts the keys.", ScanCommands.DbSize),
        Data("flushdb", -1, Write, 0, 0, 0, "server", "Deletes all keys.", KeyCommands.Flush),
        Data("flushall", -1, Write, 0, 0, 0, "server", "Deletes all keys.", KeyCommands.Flush),
        Data("object", -2, Read, 2, 2, 1, "generic", "Tells about the inside of a value.", KeyCommands.Object),

        // Expiry.
        Data("expire", -3, FastWrite, 1, 1, 1, "generic", "Sets the time to live of a key in seconds.", KeyCommands.Expire),
        Data("pexpire", -3, FastWrite, 1, 1, 1, "generic", "Sets the time to live of a key in milliseconds.", KeyCommands.PExpire),
        Data("expireat", -3, FastWrite, 1, 1, 1, "generic", "Sets the expiry of a key in Unix seconds.", KeyCommands.ExpireAt),
        Data("pexpireat", -3, FastWrite, 1, 1, 1, "generic", "Sets the expiry of a key in Unix milliseconds.", KeyCommands.PExpireAt),
        Data("ttl", 2, FastRead, 1, 1, 1, "generic", "Returns the time to live in seconds.", KeyCommands.Ttl),
        Data("pttl", 2, FastRead, 1, 1, 1, "generic", "Returns the time to live in milliseconds.", KeyCommands.PTtl),
        Data("expiretime", 2, FastRead, 1, 1, 1, "generic", "Returns the expiry in Unix seconds.", KeyCommands.ExpireTime),
        Data("pexpiretime", 2, FastRead, 1, 1, 1, "generic", "Returns the expiry in Unix milliseconds.", KeyCommands.PExpireTime),
        Data("persist", 2, FastWrite, 1, 1, 1, "generic", "Removes the expiry of a key.", KeyCommands.Persist),

        // Transactions.
        Local("multi", 1, Control | CommandFlags.Fast, "transactions", "Begins a transaction.", MultiExecCommands.Multi) with { RunsInsideMulti = true },
        new RespCommand("exec", 1, Control, 0, 0, 0, "transactions", "Executes the transaction, as one log entry.") { IsExec = true, RunsInsideMulti = true },
        Local("discard", 1, Control | CommandFlags.Fast, "transactions", "Drops the transaction.", MultiExecCommands.Discard) with { RunsInsideMulti = true },
        Data("watch", -2, Control | CommandFlags.Fast, 1, -1, 1, "transactions", "Makes EXEC depend on keys being unchanged.", MultiExecCommands.Watch) with
        {
            Local = MultiExecCommands.WatchInside,
            RunsInsideMulti = true,
        },
        Local("unwatch", 1, Control | CommandFlags.Fast, "transactions", "Forgets the watched keys.", MultiExecCommands.Unwatch),

        // Connection.
        Local("ping", -1, CommandFlags.Fast, "connection", "Answers PONG, or its argument.", ConnectionCommands.Ping),
        Local("echo", 2, CommandFlags.Fast, "connection", "Answers its argument.", ConnectionCommands.Echo),
        Local("hello", -1, Talk | CommandFlags.NoScript, "connection", "Chooses the protocol version.", ConnectionCommands.Hello),
        Local("auth", -2, Talk | CommandFlags.NoScript, "connection", "Refused: there are no passwords.", ConnectionCommands.Auth),
        Local("select", 2, Talk, "connection", "Chooses database 0, the only one.", ConnectionCommands.Select),
        Local("quit", -1, Talk | CommandFlags.NoScript, "connection", "Ends the connection.", ConnectionCommands.Quit) with { RunsInsideMulti = true },
        Local("reset", 1, Talk | CommandFlags.NoScript, "connection", "Makes the connection as new.", ConnectionCommands.Reset) with { RunsInsideMulti = true },
        Local("client", -2, CommandFlags.None, "connection", "Tells and sets what the node knows of its clients.", ClientCommands.Client),

        // Server.
        Local("command", -1, CommandFlags.Loading | CommandFlags.Stale, "server", "Tells about commands.", IntrospectionCommands.Command),
        Local("config", -2, CommandFlags.Admin | Control, "server", "Tells a few settings.", ServerCommands.Config),
        Local("info", -1, CommandFlags.Loading | CommandFlags.Stale, "server", "Tells about the node.", ServerCommands.Info),
        Local("time", 1, Talk, "server", "Returns the node's wall clock.", ServerCommands.Time),
        Local("wait", 3, CommandFlags.NoScript, "generic", "Returns the number of other nodes on which every answered write is.", ServerCommands.Wait),
    ];

    /// <summary>The same by name.</summary>
    public static CommandIndex Index { get; } = new(All);

    private static RespCommand Data(string name, int arity, CommandFlags flags, int first, int last, int step, string group, string summary, DataEncoder encode) =>
        new(name, arity, flags, first, last, step, group, summary) { Data = encode };

    /// <summary>A command that reads one record: the encoding is always the same.</summary>
    private static RespCommand Data(string name, int arity, CommandFlags flags, int first, int last, int step, string group, string summary, RecordPreparer prepare) =>
        new(name, arity, flags, first, last, step, group, summary)
        {
            Prepare = prepare,
            Data = (session, arguments, sink) =>
            {
                var plan = prepare(arguments);
                if (plan.Error is null)
                    GetCommand.Encode(sink.Next(), arguments[first]);
                return plan;
            },
        };

    private static RespCommand Exists(string name, string summary) =>
        Data(name, -2, FastRead, 1, -1, 1, "generic", summary, KeyCommands.Exists) with { Prepare = KeyCommands.ExistsOne, RecordArity = 2 };

    private static RespCommand Local(string name, int arity, CommandFlags flags, string group, string summary, LocalHandler handler) =>
        new(name, arity, flags, 0, 0, 0, group, summary) { Local = handler };
}
