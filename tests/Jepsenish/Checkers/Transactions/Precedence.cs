namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>
/// A relation "comes before" that grows edge by edge and is always transitively closed, as a matrix of bits; with the edges that were put in, to tell why.
/// Invariant: <see cref="Holds"/> is the transitive closure of the edges added so far.
/// </summary>
internal sealed class Precedence
{
    private readonly ulong[][] _after;

    /// <summary>The empty relation over so many nodes: 1/8 byte for each pair.</summary>
    public Precedence(int nodes)
    {
        _after = new ulong[nodes][];
        for (var i = 0; i < nodes; i++)
            _after[i] = new ulong[(nodes + 63) / 64];
    }

    /// <summary>The edges that were not implied by others when they were added, with their reasons.</summary>
    public List<(int From, int To, string Reason)> Edges { get; } = [];

    /// <summary>Whether something comes before itself.</summary>
    public bool IsCyclic { get; private set; }

    /// <summary>Whether the first comes before the second.</summary>
    public bool Holds(int first, int second) => (_after[first][second >> 6] >> (second & 63) & 1) != 0;

    /// <summary>The same relation, to go on from; it does not tell why.</summary>
    public Precedence Clone()
    {
        var copy = new Precedence(_after.Length) { IsCyclic = IsCyclic };
        for (var i = 0; i < _after.Length; i++)
            _after[i].CopyTo(copy._after[i], 0);
        return copy;
    }

    /// <summary>Adds an edge and all that follows from it; false if it was there.</summary>
    public bool Add(int from, int to, Func<string> reason)
    {
        if (Holds(from, to))
            return false;
        Edges.Add((from, to, reason()));
        for (var node = 0; node < _after.Length; node++)
        {
            if ((node != from && !Holds(node, from)) || Holds(node, to))
                continue;
            for (var w = 0; w < _after[to].Length; w++)
                _after[node][w] |= _after[to][w];
            _after[node][to >> 6] |= 1UL << (to & 63);
        }
        IsCyclic |= Holds(from, from);
        return true;
    }
}
