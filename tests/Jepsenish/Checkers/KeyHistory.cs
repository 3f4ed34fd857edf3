namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>
/// One key's operations, laid out for the search: completions in order, and at each completion the operations that are open, each with a slot in the marks of a configuration.
/// Operations are named by their place in order of invocation.
/// Invariant: no two operations open at the same completion share a slot; one of unknown outcome shares its slot with none.
/// </summary>
internal sealed class KeyHistory
{
    private readonly OperationTraits[] _traits;
    private readonly int[] _slot;
    private readonly int[] _previousAlike;

    public KeyHistory(IReadOnlyList<ClientOperation> operations, SequentialModel model)
    {
        Operations = operations;
        Model = model;
        _traits = [.. Enumerable.Range(0, operations.Count).Select(model.TraitsOf)];
        Completions = [.. Enumerable.Range(0, operations.Count).Where(i => !operations[i].IsUnknown).OrderBy(i => operations[i].Completed)];
        Unknown = [.. Enumerable.Range(0, operations.Count).Where(i => operations[i].IsUnknown && !IsReadOnly(i))];
        _previousAlike = ChainAlike();
        _slot = new int[operations.Count];
        Live = new int[Completions.Length][];
        UnknownInvoked = new int[Completions.Length];
        Words = (AssignSlots() + 63) / 64;
        UnknownSlots = new ulong[Words];
        foreach (var u in Unknown)
            UnknownSlots[_slot[u] >> 6] |= 1UL << (_slot[u] & 63);
    }

    /// <summary>The operations, in order of invocation.</summary>
    public IReadOnlyList<ClientOperation> Operations { get; }

    /// <summary>What they are about.</summary>
    public SequentialModel Model { get; }

    /// <summary>Operations of known outcome, in order of completion.</summary>
    public int[] Completions { get; }

    /// <summary>For each completion the operations of known outcome that are open right before it, itself included.</summary>
    public int[][] Live { get; }

    /// <summary>Operations of unknown outcome, in order of invocation.</summary>
    public int[] Unknown { get; }

    /// <summary>For each completion how many of <see cref="Unknown"/> were invoked before it.</summary>
    public int[] UnknownInvoked { get; }

    /// <summary>Words of 64 slots.</summary>
    public int Words { get; }

    /// <summary>The slots of <see cref="Unknown"/>.</summary>
    public ulong[] UnknownSlots { get; }

    /// <summary>The operation's slot.</summary>
    public int Slot(int operation) => _slot[operation];

    /// <summary>The operation of unknown outcome that asks for the same and was invoked last before this one, or -1.</summary>
    public int PreviousAlike(int operation) => _previousAlike[operation];

    public bool IsReadOnly(int operation) => (_traits[operation] & OperationTraits.ReadOnly) != 0;

    public bool IsTotal(int operation) => (_traits[operation] & OperationTraits.Total) != 0;

    public bool IsBlind(int operation) => (_traits[operation] & OperationTraits.Blind) == OperationTraits.Blind;

    // Writes of unknown outcome that ask for the same are used up in the order of their invocation: which of them it was makes no difference.
    private int[] ChainAlike()
    {
        var previous = new int[Operations.Count];
        Array.Fill(previous, -1);
        var last = new Dictionary<(Function, string?, string?), int>();
        foreach (var u in Unknown)
        {
            var alike = (Operations[u].Function, Operations[u].Expected, Operations[u].Value);
            if (last.TryGetValue(alike, out var before))
                previous[u] = before;
            last[alike] = u;
        }
        return previous;
    }

    private int AssignSlots()
    {
        var free = new PriorityQueue<int, int>();
        var slots = 0;
        var live = new List<int>();
        var byInvocation = 0;
        var unknownInvoked = 0;
        for (var next = 0; next < Completions.Length; next++)
        {
            var completing = Completions[next];
            for (; byInvocation < Operations.Count && Operations[byInvocation].Invoked < Operations[completing].Completed; byInvocation++)
            {
                var isUnknown = Operations[byInvocation].IsUnknown;
                if (isUnknown && IsReadOnly(byInvocation))
                    continue;
                if (isUnknown)
                {
                    // A slot of its own, for ever: what is known of its marks holds for every configuration.
                    _slot[byInvocation] = slots++;
                    unknownInvoked++;
                    continue;
                }
                _slot[byInvocation] = free.TryDequeue(out var slot, out _) ? slot : slots++;
                live.Add(byInvocation);
            }
            Live[next] = [.. live];
            UnknownInvoked[next] = unknownInvoked;
            live.Remove(completing);
            free.Enqueue(_slot[completing], _slot[completing]);
        }
        // Invoked after the last completion: never looked at, but they need a place of their own.
        for (; byInvocation < Operations.Count; byInvocation++)
            _slot[byInvocation] = slots++;
        return slots;
    }
}
