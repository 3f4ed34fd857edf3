namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>
/// Looks for an order of one key's operations that explains what its clients saw: Wing and Gong's search with Lowe's just-in-time linearization ("Testing for linearizability", 2017),
/// depth first, over memoised configurations. It goes from completion to completion; at each one it places the completing operation, and before it only those others that are needed for that.
///
/// These things keep the number of configurations small. A read is placed as soon as the state allows it. Something that no later read can tell (a state, a write of unknown outcome) goes by one
/// name. And an operation that is possible in every state and still open when a blind write is placed becomes *optional*: it may be taken as hidden right before that write, or be placed later.
/// An operation of unknown outcome is optional from the start, and an optional one is placed only where the next operation needs it. A configuration is not explored if one that allows more was.
/// And a state that comes only once is not left before everybody was served who asks for it.
///
/// Invariant: a configuration stands for an order in which every operation completed so far is placed, in a way that respects real time.
/// Invariant: the search ends Violated only when every configuration was explored or is covered by one that was; a limit met gives Undecided.
/// </summary>
internal sealed class KeySearch
{
    private const int LongestCoverScan = 128;

    private readonly KeyHistory _history;
    private readonly SequentialModel _model;
    private readonly long _startPosition = -1;
    private readonly HashSet<Configuration> _seen = [];
    private readonly Dictionary<(int Next, int State), List<Configuration>> _covers = [];
    private readonly Stack<Node> _open = new();
    private readonly List<Node> _deepest = [];
    private readonly List<Node> _successors = [];
    private readonly Dictionary<int, List<ulong[]>> _visitedHere = [];
    private readonly List<int> _path = [];
    private readonly SearchBudget _budget;

    /// <summary>A search from the beginning.</summary>
    public KeySearch(KeyHistory history, SearchBudget budget)
    {
        _budget = budget;
        _history = history;
        _model = history.Model;
        Push(new Node(new Configuration(0, _model.Initial, new ulong[2 * history.Words]), null, []));
    }

    /// <summary>
    /// A search from a later completion on that allows more than any order of what came before can: any of the states, everything open optional, everything of unknown outcome still to be had.
    /// If even this finds nothing, there is nothing.
    /// </summary>
    public KeySearch(KeyHistory history, int from, IEnumerable<int> states, SearchBudget budget)
    {
        _budget = budget;
        _history = history;
        _model = history.Model;
        _startPosition = history.Operations[history.Completions[from - 1]].Completed;
        var marks = new ulong[2 * history.Words];
        foreach (var open in history.Live[from])
        {
            if (history.Operations[open].Invoked < _startPosition)
                Set(marks, history.IsReadOnly(open) ? history.Slot(open) : OptionalBit(open));
        }
        foreach (var state in states)
            Push(new Node(new Configuration(from, state, marks), null, []));
    }

    /// <summary>How many configurations were reached.</summary>
    public long Explored => _seen.Count;

    /// <summary>About how many bytes they take.</summary>
    public long Bytes => Explored * (200 + (2 * 2 * _history.Words * sizeof(ulong)));

    /// <summary>How many completions the deepest configuration has behind it.</summary>
    public int Depth => _deepest.Count == 0 ? 0 : _deepest[0].Configuration.Next;

    /// <summary>The operations placed on the way to a deepest configuration, in order; those hidden by a later write are left out.</summary>
    public IReadOnlyList<ClientOperation> DeepestOrder
    {
        get
        {
            var steps = new Stack<int[]>();
            for (var node = _deepest.FirstOrDefault(); node is not null; node = node.Parent)
                steps.Push(node.Placed);
            return [.. steps.SelectMany(s => s).Select(i => _history.Operations[i])];
        }
    }

    /// <summary>
    /// Goes on until there is a result, or so many configurations were reached in all, or the budget is spent (Undecided: may be called again).
    /// Linearizable means: up to the completion called <paramref name="goal"/>.
    /// </summary>
    public Linearizability Run(int goal, long untilExplored)
    {
        while (_open.Count > 0)
        {
            if (Explored > untilExplored || _budget.IsExhausted)
                return Linearizability.Undecided;
            var node = _open.Pop();
            Remember(node);
            if (node.Configuration.Next == goal)
                return Linearizability.Linearizable;
            Expand(node);
        }
        return _budget.IsExhausted ? Linearizability.Undecided : Linearizability.Violated;
    }

    private void Remember(Node node)
    {
        if (node.Configuration.Next > Depth)
            _deepest.Clear();
        if (_deepest.Count == 0 || (node.Configuration.Next == Depth && _deepest.Count < 64))
            _deepest.Add(node);
    }

    // ---- one completion

    private void Expand(Node node)
    {
        var (next, state, marks) = node.Configuration;
        var target = _history.Completions[next];
        _budget.Spend();
        _successors.Clear();
        _visitedHere.Clear();
        _path.Clear();
        if (IsDone(marks, target))
        {
            Emit(node, target, state, marks);
        }
        else
        {
            if (IsOptional(marks, target) && MayBeHidden(target))
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
        _budget.Spend();
        if (PlaceReads(_history.Live[node.Configuration.Next], state, marks))
            last = Idle.None;
        if (IsDone(marks, target))
            Emit(node, target, state, marks);
        else if (!_budget.IsExhausted && VisitHere(state, marks))
        {
            if (IsUseful(target, state, last, out var after) && (after == state || MayLeave(node.Configuration.Next, target, state, marks)))
            {
                var placed = (ulong[])marks.Clone();
                Finish(node.Configuration.Next, target, placed);
                _path.Add(target);
                Emit(node, target, after, placed);
                _path.RemoveAt(_path.Count - 1);
            }
            foreach (var other in _history.Live[node.Configuration.Next])
            {
                if (other != target && !_history.IsReadOnly(other) && !IsDone(marks, other))
                    PlaceOther(node, target, other, state, marks, last);
            }
            for (var i = 0; i < _history.UnknownInvoked[node.Configuration.Next]; i++)
            {
                var other = _history.Unknown[i];
                if (!IsDone(marks, other) && (_history.PreviousAlike(other) < 0 || IsDone(marks, _history.PreviousAlike(other))))
                    PlaceOther(node, target, other, state, marks, last);
            }
        }
        _path.RemoveRange(pathLength, _path.Count - pathLength);
    }

    private void PlaceOther(Node node, int target, int other, int state, ulong[] marks, Idle last)
    {
        var optional = _history.Operations[other].IsUnknown || IsOptional(marks, other);
        if (!IsUseful(other, state, last, out var after) || (optional && after == state) || (after != state && !MayLeave(node.Configuration.Next, other, state, marks)))
            return;
        var placed = (ulong[])marks.Clone();
        Finish(node.Configuration.Next, other, placed, target);
        _path.Add(other);
        Place(node, target, after, placed, new Idle(state, optional, _history.IsTotal(other)));
        _path.RemoveAt(_path.Count - 1);
    }

    /// <summary>Whether an operation is possible, and what was placed last is not in vain if it comes next.</summary>
    private bool IsUseful(int operation, int state, Idle last, out int after)
    {
        if (!_model.TryStep(state, operation, out after))
            return false;
        if (last.Before < 0)
            return true;
        var blind = _history.IsBlind(operation);
        if (blind && (last.Optional || last.Total))
            return false;
        return !last.Optional || !_model.TryStep(last.Before, operation, out var without) || without != after;
    }

    /// <summary>Whether everybody was served who asks for a state that will not come again. What a relaxed search found open may have been.</summary>
    private bool MayLeave(int next, int by, int state, ulong[] marks)
    {
        var obligations = _model.Obligations(state);
        var live = _history.Live[next];
        var position = _history.Operations[_history.Completions[next]].Completed;
        // Whatever was invoked before the oldest open operation is completed.
        for (var i = obligations.Count - 1; i >= 0 && obligations[i] >= live[0]; i--)
        {
            var operation = obligations[i];
            if (operation == by || _history.Operations[operation].Completed < position)
                continue;
            if (_history.Operations[operation].Invoked > position || !(IsDone(marks, operation) || IsOptional(marks, operation)))
                return false;
        }
        return true;
    }

    /// <summary>Whether an optional operation may never have been seen: not if somebody asks for the state that only it brings about. What a relaxed search found open may be behind it.</summary>
    private bool MayBeHidden(int operation) =>
        _history.Operations[operation].Invoked < _startPosition || !_history.IsBlind(operation)
        || !_model.TryStep(_model.Initial, operation, out var after) || _model.Obligations(after).Count == 0;

    private bool PlaceReads(int[] live, int state, ulong[] marks)
    {
        var any = false;
        foreach (var read in live)
        {
            if (!_history.IsReadOnly(read) || IsDone(marks, read) || !_model.TryStep(state, read, out _))
                continue;
            Set(marks, _history.Slot(read));
            _path.Add(read);
            any = true;
        }
        return any;
    }

    /// <summary>Marks an operation as placed; behind a blind one everything open and total may as well have been hidden.</summary>
    private void Finish(int next, int operation, ulong[] marks, int except = -1)
    {
        Set(marks, _history.Slot(operation));
        Clear(marks, OptionalBit(operation));
        if (!_history.IsBlind(operation))
            return;
        foreach (var other in _history.Live[next])
        {
            if (other != operation && other != except && !IsDone(marks, other) && _history.IsTotal(other))
                Set(marks, OptionalBit(other));
        }
    }

    private void Emit(Node node, int target, int state, ulong[] marks)
    {
        var position = _history.Operations[target].Completed;
        state = _model.Normalize(state, position);
        if (state == SequentialModel.Hopeless)
            return;
        var after = (ulong[])marks.Clone();
        Clear(after, _history.Slot(target));
        Clear(after, OptionalBit(target));
        for (var i = 0; i < _history.UnknownInvoked[node.Configuration.Next]; i++)
        {
            // Used up or of no use any more: the same from here on.
            if (_model.IsUseless(_history.Unknown[i], position))
                Set(after, _history.Slot(_history.Unknown[i]));
        }
        _successors.Add(new Node(new Configuration(node.Configuration.Next + 1, state, after), node, [.. _path]));
    }

    // A detour that comes back to a state with more used up, and nothing gained, ends here.
    private bool VisitHere(int state, ulong[] marks)
    {
        if (!_visitedHere.TryGetValue(state, out var visited))
            _visitedHere.Add(state, visited = []);
        if (visited.Exists(v => Covers(v, marks)))
            return false;
        visited.Add(marks);
        return true;
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
        for (var w = 0; w < _history.Words; w++)
        {
            var (doneA, doneB, optionalA, optionalB) = (first[w], second[w], first[w + _history.Words], second[w + _history.Words]);
            var lost = (doneA & ~doneB) | (~doneA & ~optionalA & (doneB | optionalB) & ~_history.UnknownSlots[w]);
            if (lost != 0)
                return false;
        }
        return true;
    }

    // ---- marks: bit s of the first half says that the operation in slot s is placed, of the second half that it is optional

    private bool IsDone(ulong[] marks, int operation) => (marks[_history.Slot(operation) >> 6] >> (_history.Slot(operation) & 63) & 1) != 0;

    private bool IsOptional(ulong[] marks, int operation) => (marks[OptionalBit(operation) >> 6] >> (OptionalBit(operation) & 63) & 1) != 0;

    private int OptionalBit(int operation) => _history.Slot(operation) + (_history.Words * 64);

    private static void Set(ulong[] marks, int bit) => marks[bit >> 6] |= 1UL << (bit & 63);

    private static void Clear(ulong[] marks, int bit) => marks[bit >> 6] &= ~(1UL << (bit & 63));

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
