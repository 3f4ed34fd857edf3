namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>
/// Looks for an order of one key's operations that explains what its clients saw: Wing and Gong's search with Lowe's just-in-time linearization ("Testing for linearizability", 2017),
/// depth first, over memoised configurations. It goes from completion to completion; at each one it places the completing operation, and before it only those others that are needed for that.
///
/// Three things keep the number of configurations small. A read is placed as soon as the state allows it. Something that no later read can tell (a state, a write of unknown outcome) goes by one
/// name. And an operation that is possible in every state and still open when a blind write is placed becomes *optional*: it may be taken as hidden right before that write, or be placed later.
/// An operation of unknown outcome is optional from the start, and an optional one is placed only where the next operation needs it. A configuration is not explored if one that allows more was.
///
/// Invariant: a configuration stands for an order in which every operation completed so far is placed, in a way that respects real time.
/// Invariant: the search ends Violated only when every configuration was explored or is covered by one that was; a limit met gives Undecided.
/// </summary>
internal sealed class KeySearch
{
    private const int LongestCoverScan = 128;

    private readonly IReadOnlyList<ClientOperation> _operations;
    private readonly SequentialModel _model;
    private readonly OperationTraits[] _traits;
    private readonly int[] _completions;
    private readonly int[][] _live;
    private readonly int[] _unknown;
    private readonly int[] _unknownInvoked;
    private readonly int[] _previousAlike;
    private readonly int[] _slot;
    private readonly int _words;
    private readonly ulong[] _unknownSlots;
    private readonly HashSet<Configuration> _seen = [];
    private readonly Dictionary<(int Next, int State), List<Configuration>> _covers = [];
    private readonly Stack<Node> _open = new();
    private readonly List<Node> _successors = [];
    private readonly HashSet<(Configuration, Idle)> _visitedHere = [];
    private readonly List<int> _path = [];

    public KeySearch(IReadOnlyList<ClientOperation> operations, SequentialModel model)
    {
        _operations = operations;
        _model = model;
        _traits = [.. Enumerable.Range(0, operations.Count).Select(model.TraitsOf)];
        _completions = [.. Enumerable.Range(0, operations.Count).Where(i => !operations[i].IsUnknown).OrderBy(i => operations[i].Completed)];
        _unknown = [.. Enumerable.Range(0, operations.Count).Where(i => operations[i].IsUnknown && !_traits[i].HasFlag(OperationTraits.ReadOnly))];
        _previousAlike = ChainAlike();
        _slot = new int[operations.Count];
        _live = new int[_completions.Length][];
        _unknownInvoked = new int[_completions.Length];
        _words = (AssignSlots() + 63) / 64;
        _unknownSlots = new ulong[_words];
        foreach (var u in _unknown)
            Set(_unknownSlots, _slot[u]);
    }

    /// <summary>How many configurations were reached.</summary>
    public long Explored => _seen.Count;

    public KeyVerdict Run(long maxBytes, CancellationToken timeUp)
    {
        // A configuration, its marks, and its places in the sets that remember it.
        var bytesEach = 200 + (2 * 2 * _words * sizeof(ulong));
        var deepest = new List<Node>();
        Push(new Node(new Configuration(0, _model.Initial, new ulong[2 * _words]), null, []));
        while (_open.TryPop(out var node))
        {
            if (deepest.Count == 0 || node.Configuration.Next >= deepest[0].Configuration.Next)
            {
                if (deepest.Count > 0 && node.Configuration.Next > deepest[0].Configuration.Next)
                    deepest.Clear();
                if (deepest.Count < 64)
                    deepest.Add(node);
            }
            if (node.Configuration.Next == _completions.Length)
                return new KeyVerdict(Linearizability.Linearizable, null, Explored);
            if (Explored * bytesEach > maxBytes || timeUp.IsCancellationRequested)
                return new KeyVerdict(Linearizability.Undecided, null, Explored);
            Expand(node);
        }
        return new KeyVerdict(Linearizability.Violated, Explain(deepest), Explored);
    }

    // ---- one completion

    private void Expand(Node node)
    {
        var (next, state, marks) = node.Configuration;
        var target = _completions[next];
        _successors.Clear();
        _visitedHere.Clear();
        _path.Clear();
        if (IsDone(marks, target))
        {
            Emit(node, target, state, marks);
        }
        else
        {
            if (IsOptional(marks, target))
                Emit(node, target, state, marks);
            Place(node, target, state, (ulong[])marks.Clone(), Idle.None);
        }
        // The stack gives back the last one first: the simplest explanation is tried first.
        for (var i = _successors.Count - 1; i >= 0; i--)
            Push(_successors[i]);
    }

    /// <summary>
    /// Places operations in front of the target until it is placed itself. <paramref name="last"/> is the one placed before, if nothing has made use of it yet:
    /// an operation that nothing uses is not placed, it is left optional.
    /// </summary>
    private void Place(Node node, int target, int state, ulong[] marks, Idle last)
    {
        var pathLength = _path.Count;
        if (PlaceReads(_live[node.Configuration.Next], state, marks))
            last = Idle.None;
        if (IsDone(marks, target))
            Emit(node, target, state, marks);
        else if (_visitedHere.Add((new Configuration(node.Configuration.Next, state, marks), last)))
        {
            if (IsUseful(target, state, last, out var after))
            {
                var placed = (ulong[])marks.Clone();
                Finish(node.Configuration.Next, target, placed);
                _path.Add(target);
                Emit(node, target, after, placed);
                _path.RemoveAt(_path.Count - 1);
            }
            foreach (var other in _live[node.Configuration.Next])
            {
                if (other != target && !_traits[other].HasFlag(OperationTraits.ReadOnly) && !IsDone(marks, other))
                    PlaceOther(node, target, other, state, marks, last);
            }
            for (var i = 0; i < _unknownInvoked[node.Configuration.Next]; i++)
            {
                var other = _unknown[i];
                if (!IsDone(marks, other) && (_previousAlike[other] < 0 || IsDone(marks, _previousAlike[other])))
                    PlaceOther(node, target, other, state, marks, last);
            }
        }
        _path.RemoveRange(pathLength, _path.Count - pathLength);
    }

    private void PlaceOther(Node node, int target, int other, int state, ulong[] marks, Idle last)
    {
        var optional = _operations[other].IsUnknown || IsOptional(marks, other);
        if (!IsUseful(other, state, last, out var after) || (optional && after == state))
            return;
        var placed = (ulong[])marks.Clone();
        Finish(node.Configuration.Next, other, placed, target);
        _path.Add(other);
        Place(node, target, after, placed, new Idle(state, optional, _traits[other].HasFlag(OperationTraits.Total)));
        _path.RemoveAt(_path.Count - 1);
    }

    /// <summary>Whether an operation is possible, and what was placed last is not in vain if it comes next.</summary>
    private bool IsUseful(int operation, int state, Idle last, out int after)
    {
        if (!_model.TryStep(state, operation, out after))
            return false;
        if (last.Before < 0)
            return true;
        var blind = _traits[operation].HasFlag(OperationTraits.Blind);
        if (blind && (last.Optional || last.Total))
            return false;
        return !last.Optional || !_model.TryStep(last.Before, operation, out var without) || without != after;
    }

    private bool PlaceReads(int[] live, int state, ulong[] marks)
    {
        var any = false;
        foreach (var read in live)
        {
            if (!_traits[read].HasFlag(OperationTraits.ReadOnly) || IsDone(marks, read) || !_model.TryStep(state, read, out _))
                continue;
            Set(marks, _slot[read]);
            _path.Add(read);
            any = true;
        }
        return any;
    }

    /// <summary>Marks an operation as placed; behind a blind one everything open and total may as well have been hidden.</summary>
    private void Finish(int next, int operation, ulong[] marks, int except = -1)
    {
        Set(marks, _slot[operation]);
        Clear(marks, OptionalBit(operation));
        if (!_traits[operation].HasFlag(OperationTraits.Blind))
            return;
        foreach (var other in _live[next])
        {
            if (other != operation && other != except && !IsDone(marks, other) && _traits[other].HasFlag(OperationTraits.Total))
                Set(marks, OptionalBit(other));
        }
    }

    private void Emit(Node node, int target, int state, ulong[] marks)
    {
        var position = _operations[target].Completed;
        state = _model.Normalize(state, position);
        if (state == SequentialModel.Hopeless)
            return;
        var after = (ulong[])marks.Clone();
        Clear(after, _slot[target]);
        Clear(after, OptionalBit(target));
        for (var i = 0; i < _unknownInvoked[node.Configuration.Next]; i++)
        {
            // Used up or of no use any more: the same from here on.
            if (_model.IsUseless(_unknown[i], position))
                Set(after, _slot[_unknown[i]]);
        }
        _successors.Add(new Node(new Configuration(node.Configuration.Next + 1, state, after), node, [.. _path]));
    }

    // ---- memory

    private void Push(Node node)
    {
        var configuration = node.Configuration;
        if (!_seen.Add(configuration))
            return;
        var key = (configuration.Next, configuration.State);
        if (!_covers.TryGetValue(key, out var covers))
            _covers.Add(key, covers = []);
        foreach (var other in covers)
        {
            if (Covers(other.Marks, configuration.Marks))
                return;
        }
        if (covers.Count < LongestCoverScan)
            covers.Add(configuration);
        _open.Push(node);
    }

    /// <summary>Whether all that can follow the second set of marks can follow the first: optional allows more than placed and than not placed; an unknown one not placed allows more than placed.</summary>
    private bool Covers(ulong[] first, ulong[] second)
    {
        for (var w = 0; w < _words; w++)
        {
            var (doneA, doneB, optionalA, optionalB) = (first[w], second[w], first[w + _words], second[w + _words]);
            var lost = (doneA & ~doneB) | (~doneA & ~optionalA & (doneB | optionalB) & ~_unknownSlots[w]);
            if (lost != 0)
                return false;
        }
        return true;
    }

    // ---- preparation

    // Writes of unknown outcome that ask for the same are used up in the order of their invocation: which of them it was makes no difference.
    private int[] ChainAlike()
    {
        var previous = new int[_operations.Count];
        Array.Fill(previous, -1);
        var last = new Dictionary<(Function, string?, string?), int>();
        foreach (var u in _unknown)
        {
            var alike = (_operations[u].Function, _operations[u].Expected, _operations[u].Value);
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
        for (var next = 0; next < _completions.Length; next++)
        {
            var completing = _completions[next];
            for (; byInvocation < _operations.Count && _operations[byInvocation].Invoked < _operations[completing].Completed; byInvocation++)
            {
                var isUnknown = _operations[byInvocation].IsUnknown;
                if (isUnknown && _traits[byInvocation].HasFlag(OperationTraits.ReadOnly))
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
            _live[next] = [.. live];
            _unknownInvoked[next] = unknownInvoked;
            live.Remove(completing);
            free.Enqueue(_slot[completing], _slot[completing]);
        }
        // Invoked after the last completion: never looked at, but they need a place of their own.
        for (; byInvocation < _operations.Count; byInvocation++)
            _slot[byInvocation] = slots++;
        return slots;
    }

    // ---- marks: bit s of the first half says that the operation in slot s is placed, of the second half that it is optional

    private bool IsDone(ulong[] marks, int operation) => (marks[_slot[operation] >> 6] >> (_slot[operation] & 63) & 1) != 0;

    private bool IsOptional(ulong[] marks, int operation) => (marks[OptionalBit(operation) >> 6] >> (OptionalBit(operation) & 63) & 1) != 0;

    private int OptionalBit(int operation) => _slot[operation] + (_words * 64);

    private static void Set(ulong[] marks, int bit) => marks[bit >> 6] |= 1UL << (bit & 63);

    private static void Clear(ulong[] marks, int bit) => marks[bit >> 6] &= ~(1UL << (bit & 63));

    // ---- explanation

    private Violation Explain(List<Node> deepest)
    {
        var next = deepest[0].Configuration.Next;
        var order = new List<ClientOperation>();
        for (var node = deepest[0]; node is not null; node = node.Parent)
            order.InsertRange(0, node.Placed.Select(i => _operations[i]));
        return new Violation(
            _operations[_completions[next]],
            [.. _completions[..next].Select(i => _operations[i])],
            [.. _live[next].Select(i => _operations[i])],
            order,
            [.. deepest.Select(n => _model.Describe(n.Configuration.State)).Distinct()]);
    }

    /// <summary>The last operation placed, as long as nothing has made use of it: the state before it, and whether it was optional and total.</summary>
    private readonly record struct Idle(int Before, bool Optional, bool Total)
    {
        public static Idle None => new(-1, false, false);
    }

    private sealed record Node(Configuration Configuration, Node? Parent, int[] Placed);

    /// <summary>Where the search stands: how many completions are behind it, the state, and which open operations are placed or optional.</summary>
    private readonly record struct Configuration(int Next, int State, ulong[] Marks)
    {
        public bool Equals(Configuration other) => Next == other.Next && State == other.State && Marks.AsSpan().SequenceEqual(other.Marks);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.Add(Next);
            hash.Add(State);
            foreach (var word in Marks)
                hash.Add(word);
            return hash.ToHashCode();
        }
    }
}
