namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>What a checker found. Undecided is never good enough: a run that ends so has failed.</summary>
public enum Linearizability
{
    /// <summary>There is an order that explains everything.</summary>
    Linearizable,

    /// <summary>There is none.</summary>
    Violated,

    /// <summary>Neither was found within the limits.</summary>
    Undecided,
}

/// <summary>How much a check may cost.</summary>
/// <param name="MaxTime">Time for the whole history; <see cref="Timeout.InfiniteTimeSpan"/> for no such limit.</param>
/// <param name="MaxBytesPerKey">Memory for one key; as many keys are searched at a time as there are cores.</param>
public sealed record SearchLimits(TimeSpan MaxTime, long MaxBytesPerKey)
{
    /// <summary>Configurations after which the first attempt at a local refutation is made; a search is quick below it.</summary>
    public int FirstPause { get; init; } = 2_000;

    /// <summary>Steps (operations tried in front of a completion) for one key, and as many again to explain a violation; unlike time, the same in every replay.</summary>
    public long MaxStepsPerKey { get; init; } = long.MaxValue;

    /// <summary>Whether the check stays on the caller's thread: one key after the other, in ordinal order.</summary>
    public bool OnCallersThread { get; init; }

    /// <summary>For deterministic runs: the caller's thread, and no clock. The same history gives the same verdict after the same effort, anywhere.</summary>
    /// <param name="maxStepsPerKey">The default takes about ten seconds a key when it is used up; the histories of a run need a few steps an operation.</param>
    public static SearchLimits Deterministic(long maxStepsPerKey = 5_000_000) =>
        new(Timeout.InfiniteTimeSpan, 1L << 30) { MaxStepsPerKey = maxStepsPerKey, OnCallersThread = true };

    /// <summary>A minute and a gigabyte: two orders of magnitude above what the histories of a run need.</summary>
    public static SearchLimits Default { get; } = new(TimeSpan.FromMinutes(1), 1L << 30);
}

/// <summary>The verdict on one key.</summary>
/// <param name="Result">What was found.</param>
/// <param name="Violation">What is wrong, when Violated.</param>
/// <param name="Explored">Configurations reached: the search's effort.</param>
public sealed record KeyVerdict(Linearizability Result, Violation? Violation, long Explored);

/// <summary>Why a key's history has no explanation.</summary>
/// <param name="Stuck">The first completion that no order of it and what came before allows.</param>
/// <param name="Prefix">The longest explainable prefix, in order of completion.</param>
/// <param name="Open">The operations open at that time, the stuck one included.</param>
/// <param name="Order">One order that explains the prefix; operations hidden by a later write are left out.</param>
/// <param name="State">The value that the key has at the end of that order.</param>
public sealed record Violation(
    ClientOperation Stuck,
    IReadOnlyList<ClientOperation> Prefix,
    IReadOnlyList<ClientOperation> Open,
    IReadOnlyList<ClientOperation> Order,
    string State);

/// <summary>The verdict on a history: a history is linearizable exactly when each key's is (Herlihy and Wing, 1990, locality).</summary>
/// <param name="Keys">The verdict on each key, in ordinal order of keys.</param>
public sealed record Verdict(IReadOnlyDictionary<string, KeyVerdict> Keys)
{
    /// <summary>The worst of the keys' results: one violation is a violation, else one undecided is undecided.</summary>
    public Linearizability Result =>
        Keys.Values.Any(k => k.Result == Linearizability.Violated) ? Linearizability.Violated
        : Keys.Values.Any(k => k.Result == Linearizability.Undecided) ? Linearizability.Undecided
        : Linearizability.Linearizable;
}
