using System.Globalization;
using System.Text;

namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>
/// Finds cycles of dependencies, the gravest first, and says each in words. Whether there are any is exact and takes linear time; one example is given of each knot of transactions that hang together.
/// </summary>
/// <param name="history">The transactions; nodes beyond them belong to no transaction.</param>
/// <param name="nodes">How many nodes there are.</param>
/// <param name="edges">The dependencies.</param>
internal sealed class CycleSearch(IReadOnlyList<Transaction> history, int nodes, List<Dependency> edges)
{
    private const int MostExamples = 8;

    private readonly HashSet<int> _explained = [];

    /// <summary>All kinds of cycles that a model forbids.</summary>
    public List<Anomaly> Find(IsolationModel model)
    {
        var found = new List<Anomaly>();
        if (Graph(model.Cycles, model.Order).Knots().Count == 0)
            return found;
        for (var order = RequiredOrder.None; order <= model.Order; order++)
        {
            for (var level = CycleLevel.Writes; level <= model.Cycles; level++)
                Find(level, order, found);
        }
        return found;
    }

    private void Find(CycleLevel level, RequiredOrder order, List<Anomaly> found)
    {
        var graph = Graph(level, order);
        foreach (var knot in graph.Knots())
        {
            if (found.Count >= MostExamples || knot.Any(n => _explained.Contains(n / 2)))
                continue;
            var cycle = graph.ShortestCycle(knot).Select(e => edges[e]).ToList();
            _explained.UnionWith(knot.Select(n => n / 2));
            found.Add(Describe(cycle, level, order));
        }
    }

    /// <summary>
    /// The graph in which a cycle is one of the level. Every node is there twice: 2n, and 2n+1 for having been reached by an anti-dependency. At the level of snapshots no second one may follow there;
    /// at the others the two halves do not differ, and only the first is used.
    /// </summary>
    private Digraph Graph(CycleLevel level, RequiredOrder order)
    {
        var list = new List<(int, int, int)>();
        for (var i = 0; i < edges.Count; i++)
        {
            var edge = edges[i];
            if (!edge.IsIn(level) || !edge.IsIn(order))
                continue;
            var (from, to) = (2 * edge.From, 2 * edge.To);
            if (level != CycleLevel.Snapshots)
            {
                list.Add((from, to, i));
            }
            else if (edge.Kind == DependencyKind.ReadWrite)
            {
                list.Add((from, to + 1, i));
            }
            else if (edge.Kind == DependencyKind.Join)
            {
                list.Add((from + 1, to + 1, i));
            }
            else
            {
                list.Add((from, to, i));
                list.Add((from + 1, to, i));
            }
        }
        return new Digraph(2 * nodes, list);
    }

    private Anomaly Describe(List<Dependency> cycle, CycleLevel level, RequiredOrder order)
    {
        cycle = Straighten(cycle);
        var anti = cycle.Count(e => e.Kind == DependencyKind.ReadWrite);
        var name = anti switch
        {
            0 => cycle.Exists(e => e.Kind == DependencyKind.WriteRead) ? "G1c" : "G0",
            1 => "G-single",
            _ => level == CycleLevel.Snapshots ? "G-nonadjacent" : "G2",
        } + order switch { RequiredOrder.Process => "-process", RequiredOrder.RealTime => "-realtime", _ => "" };
        var names = new Dictionary<int, string>();
        foreach (var edge in cycle)
            names.TryAdd(edge.From, $"T{names.Count + 1}");
        var text = new StringBuilder($"{names.Count} transactions that each come before the next\n");
        foreach (var (node, called) in names)
            text.Append(CultureInfo.InvariantCulture, $"  {called} = {history[node]}\n");
        foreach (var edge in cycle)
            text.Append(CultureInfo.InvariantCulture, $"  {names[edge.From]} before {names[edge.To]}: {Reason(edge, names[edge.From], names[edge.To])}\n");
        return new Anomaly(name, text.ToString(), level, order);
    }

    /// <summary>Takes the nodes of no transaction out, and turns the cycle so that it begins with its first transaction.</summary>
    private List<Dependency> Straighten(List<Dependency> cycle)
    {
        var start = cycle.FindIndex(e => e.From == cycle.Where(c => c.From < history.Count).Min(c => c.From));
        var straight = new List<Dependency>();
        foreach (var edge in cycle.Skip(start).Concat(cycle.Take(start)))
        {
            if (edge.Kind == DependencyKind.Join)
                straight[^1] = straight[^1] with { To = edge.To, Value = edge.Value };
            else
                straight.Add(edge);
        }
        return straight;
    }

    private string Reason(Dependency edge, string from, string to) => edge.Kind switch
    {
        DependencyKind.WriteWrite => $"{to} wrote {edge.Value} to key {edge.Key} after what {from} wrote there (ww)",
        DependencyKind.WriteRead => $"{to} read {edge.Value} of key {edge.Key}, which {from} wrote (wr)",
        DependencyKind.ReadWrite => $"{from} read key {edge.Key} without {edge.Value}, which {to} wrote (rw)",
        DependencyKind.Process => $"process {history[edge.From].Process} did one after the other (process)",
        _ => $"{from} was completed (event {history[edge.From].Completed}) when {to} was invoked (event {history[edge.To].Invoked}) (realtime)",
    };
}
