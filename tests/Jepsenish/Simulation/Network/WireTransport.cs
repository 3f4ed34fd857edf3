using System.Net;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Network;

/// <summary>
/// A node's connections on the <see cref="Wire"/>. Who dials whom, when a connection is given up and when it is dialled again is as in <see cref="TcpTransport"/>, whose sockets, tasks and timers
/// are not simulated; bytes, handshake and registry are production's.
/// </summary>
internal sealed class WireTransport(Wire wire, Process process, SeededRandom random) : ITransport
{
    private static readonly TransportOptions DefaultOptions = new() { Listen = new IPEndPoint(IPAddress.Loopback, 0) };

    private static readonly long CheckInterval = DefaultOptions.KeepAliveInterval.Ticks * 100 / 2;

    private readonly List<WireEnd> _ends = [];
    private readonly SortedDictionary<ulong, WireEnd> _active = [];
    private readonly Dictionary<ulong, int> _failures = [];
    private bool _ended;

    /// <summary>As production's, but for the sockets.</summary>
    public TransportOptions Options => DefaultOptions;

    /// <summary>The network.</summary>
    public Wire Wire => wire;

    /// <summary>Whose it is.</summary>
    public Process Process => process;

    /// <summary>Whom it accepts.</summary>
    public HandshakeRules Rules { get; private set; } = null!;

    /// <summary>Who hears of peers.</summary>
    public ITransportHandler Handler { get; private set; } = null!;

    /// <summary>What the node's environment calls when it knows who it is.</summary>
    public ITransport Bind(OwnIdentity own, IPeerRegistry registry, ITransportHandler handler)
    {
        Rules = new HandshakeRules(own, registry);
        Handler = handler;
        return this;
    }

    /// <summary>Begins to dial.</summary>
    public void Start()
    {
        foreach (var machine in wire.Cluster.Machines)
        {
            if (machine.Number > process.Machine.Number)
                Dial(machine.Number, 0);
        }

        process.After(CheckInterval, Check);
    }

    /// <inheritdoc/>
    public bool Send(ulong peer, PooledBuffer frame)
    {
        using (frame)
        {
            if (frame.Length > MaxFrameBytes)
                throw new SimulationViolationException($"node {process.Machine.Number} sends a frame of {frame.Length} bytes, {MaxFrameBytes} are allowed");
            if (_ended || !_active.TryGetValue(peer, out var end))
                return false;
            if (frame.Length > FreeBytes(peer) && end.Other!.UnderWay > 0)
                return false;
            process.Cluster.Oracles.OnSent(process, peer, frame.Span);
            if (wire.SpoilImagesPerMille > 0)
                SpoilImages(frame.WritableSpan);
            if (wire.ShortenAppendsPerMille == 0)
            {
                Send(end, frame.Span);
                return true;
            }

            using var shortened = ShortenAppends(frame.Span);
            Send(end, shortened.Span);
            return true;
        }
    }

    /// <summary>The connection to a peer breaks, here at least.</summary>
    public void Reset(ulong peer)
    {
        if (_active.TryGetValue(peer, out var end))
            end.Close("reset");
    }

    /// <inheritdoc/>
    public int MaxFrameBytes => process.Cluster.Options.FrameBytes;

    /// <inheritdoc/>
    public long FreeBytes(ulong peer) => _active.TryGetValue(peer, out var end) ? Math.Max(0, process.Cluster.Options.QueuedBytes - end.Other!.UnderWay) : 0;

    /// <inheritdoc/>
    public bool IsConnected(ulong peer) => _active.ContainsKey(peer);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        End(silently: false);
        return ValueTask.CompletedTask;
    }

    /// <summary>The process ends, with a word to its peers or without one.</summary>
    public void End(bool silently)
    {
        if (_ended)
            return;
        _ended = true;
        foreach (var end in _ends.ToList())
        {
            end.Dispose();
            if (!silently)
                wire.Closed(end);
        }

        _ends.Clear();
        _active.Clear();
    }

    /// <summary>A connection whose handshake is still to come.</summary>
    public void Add(WireEnd end) => _ends.Add(end);

    /// <summary>A complete handshake makes a connection the peer's, in place of the one before.</summary>
    public void Adopt(WireEnd end)
    {
        process.Cluster.Oracles.OnConnected(process);
        if (_active.TryGetValue(end.Peer, out var before))
            before.Close("replaced by a fresh connection");
        _active[end.Peer] = end;
        _failures[end.Peer] = 0;
        process.Cluster.Story.Tell(process.Machine, $"connected to n{end.Peer}");
        Handler.OnConnected(end.Peer);
    }

    /// <summary>
    /// A complete handshake of which one side is provisional: nothing passes until it is final. Then it gives its connections up for others, in which it says so.
    /// </summary>
    public void Hold(WireEnd end)
    {
        process.Cluster.Story.Tell(process.Machine, $"agrees with n{end.Peer}");
        if (end.Meeting.Self.IsFinal || !Rules.Own.Agree(end.Peer, end.Meeting.Self.Cluster))
            return;
        process.Cluster.Story.Tell(process.Machine, "its identity is final");
        foreach (var held in _ends.Where(e => e.IsReady && !e.Meeting.Self.IsFinal).ToList())
            held.Close("both sides are to introduce themselves again");
    }

    /// <summary>A connection is gone.</summary>
    public void Remove(WireEnd end, string reason)
    {
        _ends.Remove(end);
        if (end.IsReady && !end.Meeting.IsFull)
            Rules.Own.Part(end.Peer);
        if (_ended || !_active.TryGetValue(end.Peer, out var active) || active != end)
            return;
        _active.Remove(end.Peer);
        process.Cluster.Story.Tell(process.Machine, $"lost the connection to n{end.Peer}: {reason}");
        Handler.OnDisconnected(end.Peer);
    }

    private void Send(WireEnd end, ReadOnlySpan<byte> frame)
    {
        if (random.Chance(wire.LossPerMille))
            return;
        if (random.Chance(wire.ReorderPerMille))
        {
            Later(end, frame.ToArray(), random.Chance(600) ? 10 * Millisecond : 2 * Second);
            return;
        }

        end.Send(FrameType.Data, frame);
        if (random.Chance(wire.DuplicatePerMille))
            Later(end, frame.ToArray(), random.Chance(500) ? Millisecond : 500 * Millisecond);
    }

    private PooledBuffer ShortenAppends(ReadOnlySpan<byte> frame)
    {
        var shortened = new PooledBuffer(frame.Length);
        if (frame[0] != (byte)FrameKind.Raft)
        {
            shortened.Write(frame);
            return shortened;
        }

        shortened.Write([frame[0]]);
        var bytes = frame.ToArray();
        for (var position = 1; position < bytes.Length;)
        {
            var start = position;
            if (!MessageCodec.TryRead(bytes, ref position, out var group, out var message))
                throw new SimulationViolationException($"node {process.Machine.Number} sends what nobody can read");
            if (message is AppendEntries { Entries.Count: > 0 } append && random.Chance(wire.ShortenAppendsPerMille))
                MessageCodec.Write(shortened, group, append with { Entries = [.. append.Entries.Take(random.Chance(500) ? 0 : random.Below(append.Entries.Count))] });
            else
                shortened.Write(bytes.AsSpan(start, position - start));
        }

        return shortened;
    }

    /// <summary>As if memory failed between the reading of a piece and the sealing of its frame. A piece's data stands at the end of its message.</summary>
    private void SpoilImages(Span<byte> frame)
    {
        if (frame[0] != (byte)FrameKind.Raft)
            return;
        var bytes = frame.ToArray();
        for (var position = 1; position < bytes.Length;)
        {
            if (!MessageCodec.TryRead(bytes, ref position, out _, out var message))
                return;
            if (message is SnapshotChunk { Data.Length: > 0 } piece && random.Chance(wire.SpoilImagesPerMille))
                frame[position - random.Between(1, piece.Data.Length)] ^= (byte)(1 << random.Below(8));
        }
    }

    private void Later(WireEnd end, byte[] frame, long atMost) => process.After(random.Time(0, atMost), () =>
    {
        if (!end.IsClosed)
            end.Send(FrameType.Data, frame);
    });

    private void Dial(ulong peer, long pause) => process.After(pause, () =>
    {
        if (_ended)
            return;
        if (_ends.Exists(e => e.Peer == peer))
        {
            Dial(peer, 20 * Millisecond);
            return;
        }

        var failures = _failures.GetValueOrDefault(peer);
        _failures[peer] = failures + 1;
        // One trip there and back before the connection stands.
        process.After(wire.Delay(process.Machine.Number, peer), () => wire.TryConnect(this, peer));
        var backoff = Math.Min((long)Options.MinBackoff.TotalMilliseconds << Math.Min(failures, 20), (long)Options.MaxBackoff.TotalMilliseconds) * Millisecond;
        Dial(peer, random.Time(backoff / 2, backoff) + wire.Cluster.Options.MaxDelay);
    });

    private void Check()
    {
        if (_ended)
            return;
        foreach (var end in _ends.ToList())
            end.CheckLiveness(CheckInterval);
        process.After(CheckInterval, Check);
    }
}
