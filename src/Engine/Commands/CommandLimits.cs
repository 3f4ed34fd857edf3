namespace RaftKv.Engine.Commands;

/// <summary>
/// How long keys and values may be. The ceilings are constants of the format, enforced at apply, equal on every replica for ever;
/// the configurable limits below them are checked before a command is proposed, so that replicas with different settings cannot disagree.
/// Immutable, thread-safe.
/// </summary>
public sealed class CommandLimits
{
    /// <summary>The longest key that any replica accepts, in bytes.</summary>
    public const int KeyCeiling = 64 * 1024;

    /// <summary>The longest value that any replica accepts, in bytes: with its key it must fit into a page of the store, and one entry must not hold up its group's log for long.</summary>
    public const int ValueCeiling = 16 * 1024 * 1024;

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

    private static int Within(int value, int ceiling, string name) =>
        value >= 1 && value <= ceiling ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} must be between 1 and {ceiling} bytes.");
}
