namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>What its client knows of a transaction.</summary>
public enum Outcome
{
    /// <summary>It committed.</summary>
    Committed,

    /// <summary>It certainly did not, and will not.</summary>
    Aborted,

    /// <summary>It may have committed, may yet, or never will.</summary>
    Unknown,
}

/// <summary>What a micro-operation does.</summary>
public enum MicroKind
{
    /// <summary>Returns the key's list, or register.</summary>
    Read,

    /// <summary>Adds an element to the end of the key's list.</summary>
    Append,

    /// <summary>Replaces the key's register.</summary>
    Write,
}

/// <summary>One step of a transaction.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Key">To which key.</param>
/// <param name="Value">The element appended or the value written; the register's value read (null for absent).</param>
/// <param name="List">The list that a read returned; null if what it returned is not known, or is a register's value.</param>
public readonly record struct MicroOperation(MicroKind Kind, string Key, string? Value, IReadOnlyList<string>? List)
{
    /// <summary>Appends an element, unique among all that are ever appended to the key.</summary>
    public static MicroOperation Append(string key, string element) => new(MicroKind.Append, key, element, null);

    /// <summary>Read a list; empty for a key that is absent.</summary>
    public static MicroOperation Read(string key, IReadOnlyList<string>? list) => new(MicroKind.Read, key, null, list);

    /// <inheritdoc/>
    public override string ToString() => Kind switch
    {
        MicroKind.Append => $"append {Key} {Value}",
        MicroKind.Write => $"write {Key} {Value}",
        _ when List is null => $"read {Key} -> {Value ?? "?"}",
        _ => $"read {Key} -> {Show(List)}",
    };

    /// <summary>A list for people: of a long one, only the end.</summary>
    public static string Show(IReadOnlyList<string> list) =>
        list.Count <= 12 ? $"[{string.Join(' ', list)}]" : $"[... {string.Join(' ', list.Skip(list.Count - 10))}] ({list.Count} elements)";
}

/// <summary>
/// A transaction as its client saw it. What an aborted one or one of unknown outcome read is not looked at.
/// Invariant: <see cref="Invoked"/> is less than <see cref="Completed"/>; positions are unique within a history.
/// </summary>
public sealed record Transaction
{
    /// <summary><see cref="Completed"/> of a transaction whose outcome is unknown.</summary>
    public const long Never = long.MaxValue;

    /// <summary>The logical client, which does one thing at a time.</summary>
    public required long Process { get; init; }

    /// <summary>What its client knows.</summary>
    public required Outcome Outcome { get; init; }

    /// <summary>Its steps, in order.</summary>
    public required IReadOnlyList<MicroOperation> Steps { get; init; }

    /// <summary>Position of the invocation in the history.</summary>
    public required long Invoked { get; init; }

    /// <summary>Position of the completion, or <see cref="Never"/>.</summary>
    public long Completed { get; init; } = Never;

    /// <inheritdoc/>
    public override string ToString() =>
        $"process {Process}, events {Invoked}..{(Completed == Never ? "" : Completed)}: {string.Join(", ", Steps)}{Outcome switch { Outcome.Aborted => " (aborted)", Outcome.Unknown => " (outcome unknown)", _ => "" }}";
}
