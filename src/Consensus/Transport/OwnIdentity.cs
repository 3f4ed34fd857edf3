namespace RaftKv.Consensus.Transport;

/// <summary>
/// This node's identity, and the step by which it becomes final: when the node is connected to so many peers which agree with it (on the nodes of the cluster, their numbers and the number of groups) that they are
/// a majority together. A node that nobody agrees with keeps an identity that its next start replaces: a wrong flag claims no data directory. Thread-safe.
/// Invariant: an identity never changes once it is final, and is final on disk before anybody hears that it is.
/// Invariant: frames pass only between two nodes each of which told the other that its identity is final (<see cref="Meeting.IsFull"/>), so nothing is voted for or acknowledged under one that is not.
/// </summary>
/// <param name="identity">As the data directory has it.</param>
/// <param name="majority">Nodes that make a majority of the cluster, this one included.</param>
/// <param name="makeDurable">Writes the final identity into the data directory.</param>
public sealed class OwnIdentity(NodeIdentity identity, int majority, Action<NodeIdentity> makeDurable)
{
    private readonly Lock _gate = new();
    private readonly HashSet<ulong> _agreeing = [identity.Number];
    private readonly TaskCompletionSource _becameFinal = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile NodeIdentity _current = identity;

    /// <summary>An identity that is final already.</summary>
    public OwnIdentity(NodeIdentity identity)
        : this(identity, 1, static _ => throw new InvalidOperationException("the identity is final"))
    {
    }

    /// <summary>The identity now.</summary>
    public NodeIdentity Current => _current;

    /// <summary>Completes when an identity that was provisional becomes final.</summary>
    public Task BecameFinal => _becameFinal.Task;

    /// <summary>A node without peers is its own majority: to be called before it takes requests.</summary>
    /// <exception cref="IOException">The disk failed: what is there is not known.</exception>
    public void AgreeAlone() => Agree(_current.Number, _current.Cluster);

    /// <summary>A peer that agrees on a cluster is connected now; it counts if this node has not turned to another one meanwhile. Whether the identity is final.</summary>
    /// <exception cref="IOException">The disk failed: whether it is final there is not known, and it is not here.</exception>
    public bool Agree(ulong peer, ulong cluster)
    {
        if (_current.IsFinal)
            return true;
        lock (_gate)
        {
            if (_current.IsFinal)
                return true;
            if (_current.Cluster != cluster)
                return false;
            _agreeing.Add(peer);
            if (_agreeing.Count < majority)
                return false;
            var final = _current with { IsFinal = true };
            makeDurable(final);
            _current = final;
        }

        _becameFinal.TrySetResult();
        return true;
    }

    /// <summary>The connection to a peer that agreed is gone.</summary>
    public void Part(ulong peer)
    {
        if (_current.IsFinal)
            return;
        lock (_gate)
            _agreeing.Remove(peer);
    }

    /// <summary>
    /// A cluster that was founded without this node, by the same names at other addresses, is the one to join. The identity then, or null if it is final and stays what it is.
    /// </summary>
    public NodeIdentity? TryAdopt(ulong cluster)
    {
        lock (_gate)
        {
            if (_current.IsFinal)
                return null;
            if (_current.Cluster != cluster)
            {
                // Who agreed with another cluster does not count for this one.
                _agreeing.RemoveWhere(peer => peer != _current.Number);
                _current = _current with { Cluster = cluster };
            }

            return _current;
        }
    }
}
