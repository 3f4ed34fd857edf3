namespace RaftKv.Engine.State;

/// <summary>
/// How long keys and values may be, and how much one entry or query may read, write and return. The ceilings are constants of the format, enforced at apply, equal on every replica for ever;
/// the configurable limits below them are checked before a command is proposed, so that replicas with different settings cannot disagree.
/// Immutable, thread-safe.
/// </summary>
public sealed class CommandLimits
{
    /// <summary>The longest key that any replica accepts, in bytes.</summary>
    public const int KeyCeiling = 64 * 1024;

    /// <summary>The longest value that any replica accepts, in bytes: with its key it must fit into a page of the store, and one entry must not hold up its group's log for long.</summary>
    public const int ValueCeiling = 16 * 1024 * 1024;

    /// <summary>The longest encoded command, a batch with all that it holds included, in bytes.</summary>
    public const int CommandCeiling = 32 * 1024 * 1024;

    /// <summary>The longest encoded result of an entry or a query, in bytes: it is answered to a peer in one frame, and held whole.</summary>
    public const int ResultCeiling = 32 * 1024 * 1024;

    /// <summary>Bytes of keys and values that one entry may write: what it costs the store, on every node, however short the command is that asks for it.</summary>
    public const int WriteCeiling = 32 * 1024 * 1024;

    /// <summary>Bytes of keys and values that one entry or query may read, whether it returns them or not: bounds the time for which it holds up its group.</summary>
    public const int ReadCeiling = 64 * 1024 * 1024;

    /// <summary>Records that one entry or query may look up, write or remove, each time counted; a batch's conditions and commands count one each beside that.</summary>
    public const int AccessCeiling = 262_144;

    private readonly int _maxKeyBytes = KeyCeiling;
    private readonly int _maxValueBytes = ValueCeiling;

    /// <summary>The default limits.</summary>
    public static CommandLimits Default { get; } = new();

    /// <summary>Longest key accepted from callers, in bytes, 1 to <see cref="KeyCeiling"/>.</summary>
    public int MaxKeyBytes
    {
        get => _maxKeyBytes;
        init => _maxKeyBytes = Within(value, KeyCeiling, nameof(MaxKeyBytes));
    }

    /// <summary>Longest value accepted from callers, in bytes, 1 to <see cref="ValueCeiling"/>.</summary>
    public int MaxValueBytes
    {
        get => _maxValueBytes;
        init => _maxValueBytes = Within(value, ValueCeiling, nameof(MaxValueBytes));
    }

    /// <summary>Null if a key is short enough, else a sentence that names the limit.</summary>
    public string? CheckKey(int length) =>
        length <= _maxKeyBytes ? null : $"The key is {length} bytes long; the limit is {_maxKeyBytes} bytes.";

    /// <summary>Null if a value is short enough, else a sentence that names the limit.</summary>
    public string? CheckValue(long length) =>
        length <= _maxValueBytes ? null : $"The value is {length} bytes long; the limit is {_maxValueBytes} bytes.";

    /// <summary>What a ceiling allows, in bytes, or for <see cref="CommandBound.Accesses"/> in records.</summary>
    public static int Ceiling(CommandBound bound) => bound switch
    {
        CommandBound.Command => CommandCeiling,
        CommandBound.Result => ResultCeiling,
        CommandBound.Writes => WriteCeiling,
        CommandBound.Reads => ReadCeiling,
        _ => AccessCeiling,
    };

    /// <summary>A sentence that names a ceiling that a command would have passed, and what it allows.</summary>
    public static string Describe(CommandBound bound) => bound switch
    {
        CommandBound.Command => $"The command, with all that it holds, is longer than the limit of {CommandCeiling} bytes.",
        CommandBound.Result => $"The result would be longer than the limit of {ResultCeiling} bytes.",
        CommandBound.Writes => $"The command would write more than the limit of {WriteCeiling} bytes.",
        CommandBound.Reads => $"The command would read more than the limit of {ReadCeiling} bytes.",
        _ => $"The command would look at or write more than the limit of {AccessCeiling} records.",
    };

    private static int Within(int value, int ceiling, string name) =>
        value >= 1 && value <= ceiling ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} must be between 1 and {ceiling} bytes.");
}
