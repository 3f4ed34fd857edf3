using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;

namespace RaftKv.Tests.Harness.Transport;

/// <summary>One node's end of a <see cref="SimulatedNetwork"/>. Used by the thread that drives the network.</summary>
public sealed class SimulatedTransport : ITransport
{
    private readonly SimulatedNetwork _network;
    private readonly ITransportHandler _handler;

    // The connection to each peer, by the number that both ends gave it; a call that belongs to an earlier one is not made.
    private readonly Dictionary<ulong, long> _epochs = [];
    private readonly Dictionary<ulong, long> _announced = [];
    private bool _ended;

    internal SimulatedTransport(SimulatedNetwork network, ulong node, ITransportHandler handler) => (_network, Node, _handler) = (network, node, handler);

    /// <summary>The node.</summary>
    public ulong Node { get; }

    /// <inheritdoc/>
    public bool Send(ulong peer, PooledBuffer frame)
    {
        if (IsConnected(peer))
            return _network.Send(this, peer, frame);
        frame.Dispose();
        return false;
    }

    /// <inheritdoc/>
    public int MaxFrameBytes => 64 << 20;

    /// <inheritdoc/>
    public long FreeBytes(ulong peer) => IsConnected(peer) ? 64 << 20 : 0;

    /// <inheritdoc/>
    public bool IsConnected(ulong peer) => !_ended && _epochs.TryGetValue(peer, out var epoch) && _announced.TryGetValue(peer, out var announced) && epoch == announced;

    /// <summary>Ends the node, as <see cref="SimulatedNetwork.Remove"/> does.</summary>
    public ValueTask DisposeAsync()
    {
        _network.Remove(Node);
        return ValueTask.CompletedTask;
    }

    internal long Epoch(ulong peer) => _epochs.GetValueOrDefault(peer);

    internal void Begin(ulong peer, long epoch) => _epochs[peer] = epoch;

    internal long? Forget(ulong peer) => _epochs.Remove(peer, out var epoch) ? epoch : null;

    internal void End() => _ended = true;

    internal void Deliver(SimulatedNetwork.Event call)
    {
        var current = _epochs.TryGetValue(call.From, out var epoch) && epoch == call.Epoch;
        switch (call.Kind)
        {
            case SimulatedNetwork.EventKind.Connected when current:
                _announced[call.From] = call.Epoch;
                _handler.OnConnected(call.From);
                break;
            case SimulatedNetwork.EventKind.Frame when current:
                _handler.OnFrame(call.From, call.Frame!);
                break;
            case SimulatedNetwork.EventKind.Disconnected when _announced.GetValueOrDefault(call.From) == call.Epoch:
                _announced.Remove(call.From);
                _handler.OnDisconnected(call.From);
                break;
            default:
                call.Drop();
                break;
        }
    }
}
