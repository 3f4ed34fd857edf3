using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Execution;

/// <summary>What COMMAND INFO tells of a command, in Redis' words.</summary>
[Flags]
internal enum CommandFlags
{
    None = 0,
    Write = 1,
    ReadOnly = 2,
    Fast = 4,
    Loading = 8,
    Stale = 16,
    NoScript = 32,
    NoMulti = 64,
    Admin = 128,
    DenyOom = 256,
}

/// <summary>Answers at once, from what the host knows.</summary>
internal delegate void LocalHandler(RespSession session, RespArguments arguments);

/// <summary>Encodes the command for the state machine, or says what is wrong with it.</summary>
internal delegate ReplyPlan DataEncoder(RespSession session, RespArguments arguments, CommandSink sink);

/// <summary>Reads the options of a command on one record; the encoding is the same for all of them.</summary>
internal delegate ReplyPlan RecordPreparer(RespArguments arguments);

/// <summary>
/// One command: its place in the table and what it does. Immutable.
/// Invariant: one of <see cref="Local"/> and <see cref="Data"/> is set. WATCH alone has both, since inside MULTI it is only refused; EXEC alone has neither.
/// </summary>
internal sealed record RespCommand(string Name, int Arity, CommandFlags Flags, int FirstKey, int LastKey, int KeyStep, string Group, string Summary)
{
    /// <summary>For commands that are answered at once.</summary>
    public LocalHandler? Local { get; init; }

    /// <summary>For commands that a group executes.</summary>
    public DataEncoder? Data { get; init; }

    /// <summary>For commands that read one record, which a node with a lease does on the spot: their options and reply.</summary>
    public RecordPreparer? Prepare { get; init; }

    /// <summary>The number of arguments with which <see cref="Prepare"/> applies; 0 for any.</summary>
    public int RecordArity { get; init; }

    /// <summary>MULTI, EXEC and their like are never queued.</summary>
    public bool RunsInsideMulti { get; init; }

    public bool IsExec { get; init; }

    public bool IsWrite { get; } = (Flags & CommandFlags.Write) != 0;

    /// <summary>Whether a number of arguments, the name included, is right.</summary>
    public bool Accepts(int count) => Arity >= 0 ? count == Arity : count >= -Arity;

    /// <summary>Whether the command, with so many arguments, reads one record and nothing else.</summary>
    public bool TakesOneRecord(int count) => Prepare is not null && (RecordArity == 0 || RecordArity == count);

    /// <summary>The group that the command goes to: its first key's, or the default if it names none.</summary>
    public uint Route(RespArguments arguments, IKeyRouter router) => TryGetFirstKey(arguments, out var key) ? router.Route(key) : router.DefaultGroup;

    /// <summary>The first key among the arguments; false if there is none. The empty key is a key.</summary>
    public bool TryGetFirstKey(RespArguments arguments, out ReadOnlySpan<byte> key)
    {
        var isThere = FirstKey > 0 && FirstKey < arguments.Count;
        key = isThere ? arguments[FirstKey] : default;
        return isThere;
    }

    /// <summary>Length of the longest key among the arguments.</summary>
    public int LongestKey(RespArguments arguments)
    {
        if (FirstKey == 0)
            return 0;
        var last = LastKey >= 0 ? LastKey : arguments.Count + LastKey;
        var longest = 0;
        for (var i = FirstKey; i <= last && i < arguments.Count; i += KeyStep)
            longest = Math.Max(longest, arguments[i].Length);
        return longest;
    }
}
