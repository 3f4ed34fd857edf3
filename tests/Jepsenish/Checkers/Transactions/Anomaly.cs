namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>Something that a history shows and its model forbids.</summary>
/// <param name="Name">Its name in the literature: G0, G1a, G1b, G1c, G-single, G-nonadjacent, G2 (with -process or -realtime), or a word.</param>
/// <param name="Text">In words, over several lines.</param>
/// <param name="Cycles">The weakest level of cycles that forbids it.</param>
/// <param name="Order">The weakest order that a model must demand to forbid it.</param>
public sealed record Anomaly(string Name, string Text, CycleLevel Cycles, RequiredOrder Order = RequiredOrder.None)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Text}";
}

/// <summary>The verdict on a history of transactions.</summary>
/// <param name="Model">What it was held against.</param>
/// <param name="Anomalies">All kinds of things found that it forbids; of each kind, and knot of transactions, an example.</param>
public sealed record TransactionVerdict(IsolationModel Model, IReadOnlyList<Anomaly> Anomalies)
{
    /// <summary>Whether the search for an order was given up: neither valid nor not.</summary>
    public bool IsUndecided { get; init; }

    /// <summary>Whether the history is one that the model allows.</summary>
    public bool IsValid => Anomalies.Count == 0 && !IsUndecided;

    /// <summary>The models that what was found rules out, weakest first.</summary>
    public IEnumerable<IsolationModel> RuledOut => IsolationModel.Known.Where(m => Anomalies.Any(a => m.Forbids(a.Cycles, a.Order)));
}
