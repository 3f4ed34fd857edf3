namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>A directed graph in three arrays: the edges of each node one after the other. Immutable.</summary>
internal sealed class Digraph
{
    private readonly int[] _first;
    private readonly int[] _to;
    private readonly int[] _label;

    /// <summary>Makes a graph.</summary>
    /// <param name="nodes">How many nodes.</param>
    /// <param name="edges">Its edges, each with a label that means something to the maker.</param>
    public Digraph(int nodes, List<(int From, int To, int Label)> edges)
    {
        _first = new int[nodes + 1];
        foreach (var (from, _, _) in edges)
            _first[from + 1]++;
        for (var i = 0; i < nodes; i++)
            _first[i + 1] += _first[i];
        var next = _first.ToArray();
        _to = new int[edges.Count];
        _label = new int[edges.Count];
        foreach (var (from, to, label) in edges)
        {
            _to[next[from]] = to;
            _label[next[from]++] = label;
        }
    }

    private int Nodes => _first.Length - 1;

    /// <summary>The strongly connected components of more than one node: every cycle lies within one (Tarjan, 1972, without recursion).</summary>
    public List<int[]> Knots()
    {
        var knots = new List<int[]>();
        var index = new int[Nodes];
        var low = new int[Nodes];
        var onStack = new bool[Nodes];
        var position = _first[..Nodes];
        var stack = new Stack<int>();
        var path = new Stack<int>();
        var counter = 0;
        for (var root = 0; root < Nodes; root++)
        {
            if (index[root] == 0)
                path.Push(root);
            while (path.TryPeek(out var node))
            {
                if (index[node] == 0)
                {
                    index[node] = low[node] = ++counter;
                    stack.Push(node);
                    onStack[node] = true;
                }
                if (position[node] < _first[node + 1])
                {
                    var to = _to[position[node]++];
                    if (index[to] == 0)
                        path.Push(to);
                    else if (onStack[to])
                        low[node] = Math.Min(low[node], index[to]);
                    continue;
                }
                path.Pop();
                if (path.TryPeek(out var parent))
                    low[parent] = Math.Min(low[parent], low[node]);
                if (low[node] == index[node])
                    Close(node, stack, onStack, knots);
            }
        }
        return knots;
    }

    /// <summary>
    /// A shortest cycle within a component, as the labels of its edges, found breadth first from as many of its nodes as the effort allows: one is always found, a shortest one in all but huge components.
    /// </summary>
    public List<int> ShortestCycle(int[] knot, long effort = 20_000_000)
    {
        var inside = new Dictionary<int, int>(knot.Length);
        for (var i = 0; i < knot.Length; i++)
            inside.Add(knot[i], i);
        List<int>? best = null;
        var via = new (int From, int Label)[knot.Length];
        var visited = new int[knot.Length];
        for (var start = 0; start < knot.Length && (best is null || (best.Count > 2 && effort > 0)); start++)
        {
            var queue = new Queue<(int Node, int Length)>([(start, 0)]);
            var closed = false;
            while (!closed && queue.TryDequeue(out var at) && (best is null || at.Length + 1 < best.Count))
            {
                for (var e = _first[knot[at.Node]]; e < _first[knot[at.Node] + 1] && !closed; e++)
                {
                    effort--;
                    if (!inside.TryGetValue(_to[e], out var to) || visited[to] == start + 1)
                        continue;
                    visited[to] = start + 1;
                    via[to] = (at.Node, _label[e]);
                    queue.Enqueue((to, at.Length + 1));
                    closed = to == start;
                }
            }
            if (closed)
                best = Backwards(via, start);
        }
        return best!;
    }

    private static List<int> Backwards((int From, int Label)[] via, int start)
    {
        var labels = new List<int>();
        var node = start;
        do
        {
            labels.Add(via[node].Label);
            node = via[node].From;
        }
        while (node != start);
        labels.Reverse();
        return labels;
    }

    private static void Close(int root, Stack<int> stack, bool[] onStack, List<int[]> knots)
    {
        var members = new List<int>();
        int node;
        do
        {
            node = stack.Pop();
            onStack[node] = false;
            members.Add(node);
        }
        while (node != root);
        if (members.Count > 1)
            knots.Add([.. members.Order()]);
    }
}
