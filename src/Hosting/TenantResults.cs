using System.Text;

namespace RaftKv.Hosting;

/// <summary>A record as it was read.</summary>
/// <param name="Value">Its value: the caller's to keep.</param>
/// <param name="Revision">Number of the write that made it: grows with every write of its group, and so of its key.</param>
/// <param name="ExpiresAt">When it will be gone, by the leader's clock; null for never.</param>
public readonly record struct Entry(ReadOnlyMemory<byte> Value, ulong Revision, DateTimeOffset? ExpiresAt)
{
    /// <summary>The value as UTF-8 text.</summary>
    public string Text => Encoding.UTF8.GetString(Value.Span);
}

/// <summary>What is beside a value: see <see cref="Entry"/>.</summary>
/// <param name="Length">The value's length in bytes.</param>
/// <param name="Revision">Number of the write that made it.</param>
/// <param name="ExpiresAt">When it will be gone; null for never.</param>
public readonly record struct EntryHeader(int Length, ulong Revision, DateTimeOffset? ExpiresAt);

/// <summary>A key and its record, as a scan lists them.</summary>
/// <param name="Key">The key.</param>
/// <param name="Entry">Its record; with an empty value if only keys were asked for.</param>
public readonly record struct KeyEntry(ReadOnlyMemory<byte> Key, Entry Entry)
{
    /// <summary>The key as UTF-8 text.</summary>
    public string Name => Encoding.UTF8.GetString(Key.Span);
}

/// <summary>How a put ended.</summary>
/// <param name="Written">False if its condition did not hold: nothing was changed.</param>
/// <param name="Revision">The write's revision, meaningful if it was written.</param>
public readonly record struct PutResult(bool Written, ulong Revision);

/// <summary>How a compare-and-set ended.</summary>
/// <param name="Succeeded">False if the key was not as expected: nothing was changed.</param>
/// <param name="Revision">The new revision if it succeeded; else the revision that the key has, 0 if it is absent.</param>
/// <param name="Current">The value that the key has if it did not succeed, empty if absent.</param>
public readonly record struct CompareAndSetResult(bool Succeeded, ulong Revision, ReadOnlyMemory<byte> Current);

/// <summary>How a batch ended.</summary>
/// <param name="Succeeded">False if a condition did not hold: nothing was changed.</param>
/// <param name="Revision">The revision of all its writes if it succeeded; else the revision of the key whose condition did not hold, 0 if that is absent.</param>
/// <param name="FailedCondition">Number, from 0, of the condition that did not hold; -1 if it succeeded.</param>
public readonly record struct BatchOutcome(bool Succeeded, ulong Revision, int FailedCondition);

/// <summary>What is known of a write.</summary>
public enum OutcomeKind
{
    /// <summary>Nothing can be said: it is too long ago, or its session has ended.</summary>
    Unknown = 0,

    /// <summary>It was applied, once, at <see cref="Outcome.Revision"/>.</summary>
    Committed = 1,

    /// <summary>It was not applied and never will be.</summary>
    NeverApplied = 2,
}

/// <summary>The settled outcome of a write whose caller lost track of it.</summary>
/// <param name="Kind">What is known.</param>
/// <param name="Revision">Its revision, if committed.</param>
/// <param name="TookEffect">Whether it changed anything: a committed write whose condition did not hold did not.</param>
public readonly record struct Outcome(OutcomeKind Kind, ulong Revision, bool TookEffect);
