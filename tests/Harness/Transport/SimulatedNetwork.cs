using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;

namespace RaftKv.Tests.Harness.Transport;

/// <summary>
/// A network in memory, driven by one thread: nothing arrives but through <see cref="Step"/> and <see cref="Pump"/>. Everything random comes from the seed.
/// Keeps <see cref="ITransport"/>'s contract: in order per connection, at most once; a frame can be lost only together with its connection, as on TCP,
/// unless <see cref="LossPerMille"/> asks for more than TCP would do.
/// Time is a counter that the test moves.
/// Invariant: every OnConnected is followed by one OnDisconnected before the next, on each side for itself.
/// </summary>
public sealed class SimulatedNetwork(int seed)
{
    private readonly Random _random = new(seed);
    private readonly SortedDictionary<ulong, SimulatedTransport> _nodes = [];
    private readonly HashSet<(ulong From, ulong To)> _cut = [];
    private readonly List<Event> _pending = [];
    private readonly Dictionary<(ulong From, ulong To), long> _lastDue = [];
    private long _sequence;

    /// <summary>The network's time, in nanoseconds.</summary>
    public long Now { get; private set; }

    /// <summary>Shortest time that a frame takes.</summary>
    public long MinDelay { get; set; }

    /// <summary>Longest time that a frame takes.</summary>
    public long MaxDelay { get; set; }

    /// <summary>Frames lost although their connection stands, in a thousand.</summary>
    public int LossPerMille { get; set; }

    /// <summary>Calls still to be made: frames on the way, and news of connections.</summary>
    public int PendingCount => _pending.Count;

    /// <summary>When the next call is due; <see cref="long.MaxValue"/> for none.</summary>
    public long NextDue => _pending.Count == 0 ? long.MaxValue : _pending.Min(each => each.Due);

    /// <summary>Adds a node, or brings one back; connections to all reachable nodes come up as the network is pumped.</summary>
    public SimulatedTransport Add(ulong node, ITransportHandler handler)
    {
        var transport = new SimulatedTransport(this, node, handler);
        _nodes.Add(node, transport);
        foreach (var other in _nodes.Keys)
            ConnectIfReachable(node, other);
        return transport;
    }

    /// <summary>Ends a node as kill -9 does: the others are told at once (that is: by their next event), it hears nothing more.</summary>
    public void Remove(ulong node)
    {
        if (!_nodes.Remove(node, out var gone))
            return;
        gone.End();
        foreach (var other in _nodes.Values)
            Break(other, node);
        _pending.RemoveAll(each => each.To == node && each.Drop());
    }

    /// <summary>Cuts one direction: frames vanish, the connection is not told (half-open), until <see cref="Detect"/> or <see cref="Heal(ulong, ulong)"/>.</summary>
    public void Cut(ulong from, ulong to)
    {
        _cut.Add((from, to));
        _pending.RemoveAll(each => each.From == from && each.To == to && each.Kind == EventKind.Frame && each.Drop());
    }

    /// <summary>Cuts every pair across two sides, in both directions, and lets both sides notice.</summary>
    public void Partition(IReadOnlyCollection<ulong> side)
    {
        foreach (var inside in _nodes.Keys.Where(side.Contains))
        {
            foreach (var outside in _nodes.Keys.Where(node => !side.Contains(node)))
            {
                Cut(inside, outside);
                Cut(outside, inside);
                Detect(inside, outside);
            }
        }
    }

    /// <summary>Both ends give up the connection between two nodes, as they do when nothing arrived for the peer timeout.</summary>
    public void Detect(ulong one, ulong other)
    {
        if (_nodes.TryGetValue(one, out var first))
            Break(first, other);
        if (_nodes.TryGetValue(other, out var second))
            Break(second, one);
        if (!_cut.Contains((one, other)) && !_cut.Contains((other, one)))
            ConnectIfReachable(one, other);
    }

    /// <summary>Mends both directions between two nodes.</summary>
    public void Heal(ulong one, ulong other)
    {
        var lost = _cut.Remove((one, other)) | _cut.Remove((other, one));
        if (lost)
            Detect(one, other);
    }

    /// <summary>Mends everything.</summary>
    public void Heal()
    {
        foreach (var (from, to) in _cut.ToArray())
            Heal(from, to);
    }

    /// <summary>Makes the next call that is due by now; false if there is none.</summary>
    public bool Step()
    {
        var next = -1;
        for (var i = 0; i < _pending.Count; i++)
        {
            if (_pending[i].Due <= Now && (next < 0 || (_pending[i].Due, _pending[i].Sequence).CompareTo((_pending[next].Due, _pending[next].Sequence)) < 0))
                next = i;
        }

        if (next < 0)
            return false;
        var call = _pending[next];
        _pending.RemoveAt(next);
        if (_nodes.TryGetValue(call.To, out var node))
            node.Deliver(call);
        else
            call.Drop();
        return true;
    }

    /// <summary>Moves time on and makes every call that becomes due, those that they cause included; returns how many.</summary>
    public int Pump(long nanoseconds = 0)
    {
        var until = Now + nanoseconds;
        var calls = 0;
        while (true)
        {
            while (Step())
                calls++;
            var due = NextDue;
            if (due > until)
                break;
            Now = Math.Max(Now, due);
        }

        Now = until;
        return calls;
    }

    internal bool Send(SimulatedTransport from, ulong to, PooledBuffer frame)
    {
        if (_cut.Contains((from.Node, to)) || _random.Next(1000) < LossPerMille)
        {
            frame.Dispose();
            return true;
        }

        Post(new Event(EventKind.Frame, from.Node, to, from.Epoch(to), frame), MinDelay + _random.NextInt64(Math.Max(1, MaxDelay - MinDelay + 1)));
        return true;
    }

    private void ConnectIfReachable(ulong one, ulong other)
    {
        if (one == other || !_nodes.TryGetValue(one, out var first) || !_nodes.TryGetValue(other, out var second)
            || _cut.Contains((one, other)) || _cut.Contains((other, one)))
            return;
        var epoch = ++_sequence;
        first.Begin(other, epoch);
        second.Begin(one, epoch);
        Post(new Event(EventKind.Connected, other, one, epoch, null), 0);
        Post(new Event(EventKind.Connected, one, other, epoch, null), 0);
    }

    private void Break(SimulatedTransport node, ulong peer)
    {
        // What was on its way over this connection is lost with it.
        _pending.RemoveAll(each => each.From == peer && each.To == node.Node && each.Kind == EventKind.Frame && each.Drop());
        if (node.Forget(peer) is { } epoch)
            Post(new Event(EventKind.Disconnected, peer, node.Node, epoch, null), 0);
    }

    private void Post(Event call, long delay)
    {
        // In order per connection: a frame is not due before the one in front of it.
        var due = Math.Max(Now + delay, _lastDue.GetValueOrDefault((call.From, call.To)));
        _lastDue[(call.From, call.To)] = call.Kind == EventKind.Disconnected ? Now : due;
        _pending.Add(call with { Due = call.Kind == EventKind.Disconnected ? Now : due, Sequence = ++_sequence });
    }

    internal enum EventKind
    {
        Connected,
        Frame,
        Disconnected,
    }

    internal sealed record Event(EventKind Kind, ulong From, ulong To, long Epoch, PooledBuffer? Frame)
    {
        public long Due { get; init; }

        public long Sequence { get; init; }

        public bool Drop()
        {
            Frame?.Dispose();
            return true;
        }
    }
}
