namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>What a client asked for.</summary>
public enum Function
{
    /// <summary>Returns the value, null when the key is absent.</summary>
    Read,

    /// <summary>Replaces the value.</summary>
    Write,

    /// <summary>Replaces the value if it is as expected.</summary>
    CompareAndSet,

    /// <summary>A compare-and-set that reported that its expectation did not hold: it saw some other value.</summary>
    SawOther,

    /// <summary>Adds to the end of the value.</summary>
    Append,
}

/// <summary>
/// One operation of a history as a client saw it: between two positions of the history it took effect, or, with an unknown outcome, at any time after the first, or never.
/// Operations that certainly did not happen, and reads without a result, are not represented: they constrain nothing.
/// Invariant: <see cref="Invoked"/> is less than <see cref="Completed"/>; positions are unique within a history.
/// </summary>
public sealed record ClientOperation
{
    /// <summary><see cref="Completed"/> of an operation whose outcome is unknown.</summary>
    public const long Never = long.MaxValue;

    /// <summary>The logical client, which does one thing at a time.</summary>
    public required long Process { get; init; }

    /// <summary>The key it is about.</summary>
    public required string Key { get; init; }

    /// <summary>What it asked for.</summary>
    public required Function Function { get; init; }

    /// <summary>The value written or appended, or the one that a read returned; null for absent.</summary>
    public string? Value { get; init; }

    /// <summary>The value that a compare-and-set expected.</summary>
    public string? Expected { get; init; }

    /// <summary>Position of the invocation in the history.</summary>
    public required long Invoked { get; init; }

    /// <summary>Position of the completion, or <see cref="Never"/>.</summary>
    public long Completed { get; init; } = Never;

    /// <summary>Time of the invocation in nanoseconds, if the history says.</summary>
    public long? InvokedAt { get; init; }

    /// <summary>Time of the completion in nanoseconds, if the history says.</summary>
    public long? CompletedAt { get; init; }

    /// <summary>Whether it may or may not have happened.</summary>
    public bool IsUnknown => Completed == Never;

    /// <inheritdoc/>
    public override string ToString() => Function switch
    {
        Function.Read => $"read -> {Show(Value)}",
        Function.Write => $"write {Show(Value)}",
        Function.CompareAndSet => $"cas {Show(Expected)} -> {Show(Value)}",
        Function.SawOther => $"cas that did not find {Show(Expected)}",
        _ => $"append {Show(Value)}",
    } + (IsUnknown ? " (outcome unknown)" : "");

    /// <summary>A value for people: short, absent by name.</summary>
    public static string Show(string? value) => value switch
    {
        null => "absent",
        { Length: > 60 } => $"{value[..25]}...{value[^25..]} ({value.Length} characters)",
        _ => value,
    };
}
