using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;
using RaftKv.Tests.Jepsenish.Simulation.Machines;

namespace RaftKv.Tests.Jepsenish.Simulation.Network;

/// <summary>One end of a connection: bytes in through production's <see cref="FrameReader"/>, the handshake by production's <see cref="HandshakeRules"/>.</summary>
internal sealed class WireEnd(WireTransport transport, ulong peer, bool isDialler) : IDisposable
{
    private const int SmallBuffer = 2048, LargeBuffer = 64 << 10;

    private readonly FrameReader _reader = new(SmallBuffer, Introduction.MaxBytes);
    private readonly Queue<byte[]> _held = new();
    private readonly SilenceDetector _silence = new(transport.Options);
    private readonly long _begunAt = transport.Process.Machine.Clock.Now;
    private long _lastCheck = transport.Process.Machine.Clock.Now;
    private long _receivedBytes;
    private long _keepAlives;

    /// <summary>The end at the other process.</summary>
    public WireEnd? Other { get; set; }

    /// <summary>Whom it leads to.</summary>
    public ulong Peer => peer;

    /// <summary>Whose it is.</summary>
    public Process Process => transport.Process;

    /// <summary>Whether the handshake is complete.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Who each side said that it is, once it is known.</summary>
    public Meeting Meeting { get; private set; }

    /// <summary>Whether it is of no use any more.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Bytes that were sent to it and have not arrived.</summary>
    public long UnderWay { get; set; }

    /// <summary>When the last piece under way to it arrives.</summary>
    public long LastArrival { get; set; }

    /// <summary>Whether bytes wait for a cut link.</summary>
    public bool HasHeldBytes => _held.Count > 0;

    /// <summary>Keeps bytes that cannot pass.</summary>
    public void Hold(byte[] piece) => _held.Enqueue(piece);

    /// <summary>Gives the kept bytes back.</summary>
    public byte[][] TakeHeld()
    {
        byte[][] all = [.. _held];
        _held.Clear();
        return all;
    }

    /// <summary>The dialler speaks first.</summary>
    public void Begin()
    {
        Meeting = new Meeting(transport.Rules.Own.Current, transport.Rules.Own.Current);
        using var hello = HandshakeRules.Introduce(Meeting.Self, peer);
        Send(FrameType.Hello, hello.Span);
    }

    /// <summary>Sends a frame.</summary>
    public void Send(FrameType type, ReadOnlySpan<byte> payload)
    {
        var bytes = new byte[FrameHeader.Size + payload.Length];
        FrameHeader.Write(bytes, type, payload);
        payload.CopyTo(bytes.AsSpan(FrameHeader.Size));
        transport.Wire.Carry(Other!, bytes);
    }

    /// <summary>Bytes arrived.</summary>
    public void Receive(byte[] piece)
    {
        if (IsClosed)
            return;
        _receivedBytes += piece.Length;
        try
        {
            for (var taken = 0; ;)
            {
                while (!IsClosed && _reader.TryRead(out var type, out var payload))
                    Take(type, payload);
                if (IsClosed || taken == piece.Length)
                    return;
                var free = _reader.Free;
                var count = Math.Min(free.Length, piece.Length - taken);
                piece.AsMemory(taken, count).CopyTo(free);
                _reader.Received(count);
                taken += count;
            }
        }
        catch (FrameException e)
        {
            Close(e.Message);
        }
        catch (RaftKv.Engine.Io.DiskFullException e)
        {
            Close(e.Message);
        }
        catch (IOException)
        {
            // A registry that cannot be written ends the process.
            Process.Machine.Death = Machines.Death.Kill;
        }
        catch (RefusalException e)
        {
            if (e.ByOther)
            {
                Close(e.Message);
                if (e.ForGood)
                    transport.Handler.OnRefused(peer, e.Code, e.Message);
                return;
            }

            using var refusal = new PooledBuffer();
            e.Write(refusal);
            Send(FrameType.Refused, refusal.Span);
            Close(e.Message);
        }
    }

    /// <summary>Keep-alives out, silence noticed, as production's connection does. To be called at intervals.</summary>
    public void CheckLiveness(long interval)
    {
        var options = transport.Options;
        var now = Process.Machine.Clock.Now;
        if (!IsReady)
        {
            if (now - _begunAt >= options.HandshakeTimeout.Ticks * 100)
                Close("the handshake took too long");
            return;
        }

        // A late look means that this process stood still; silence of others during it proves nothing.
        var elapsed = Math.Min(now - _lastCheck, 2 * interval) / 1_000_000;
        _lastCheck = now;
        if (_silence.IsKeepAliveDue(elapsed))
            Send(FrameType.KeepAlive, default);
        if (_silence.Look(elapsed, _receivedBytes, _keepAlives) is { } silence)
            Close(silence);
    }

    /// <summary>Gives the connection up.</summary>
    public void Close(string reason)
    {
        if (IsClosed)
            return;
        Dispose();
        transport.Wire.Closed(this);
        transport.Remove(this, reason);
    }

    /// <summary>The process is gone without a word.</summary>
    public void Dispose()
    {
        IsClosed = true;
        _reader.Dispose();
    }

    private void Take(FrameType type, PooledBuffer? payload)
    {
        var bytes = payload is null ? default : payload.Span;
        switch (type)
        {
            case FrameType.Data when IsReady && Meeting.IsFull:
                transport.Handler.OnFrame(peer, payload ?? new());
                return;
            case FrameType.KeepAlive when IsReady && payload is null:
                _keepAlives++;
                return;
            case FrameType.Hello when !isDialler && !IsReady:
                Meeting = transport.Rules.CheckHello(bytes, n => n != transport.Process.Machine.Number && transport.Wire.Cluster.IsMember(n));
                using (var welcome = HandshakeRules.Introduce(Meeting.Self, peer))
                    Send(FrameType.Welcome, welcome.Span);
                break;
            case FrameType.Welcome when isDialler && !IsReady:
                Meeting = transport.Rules.CheckWelcome(bytes, Meeting.Self, peer);
                Send(FrameType.Ready, default);
                Ready();
                break;
            case FrameType.Ready when !isDialler && !IsReady:
                Ready();
                break;
            case FrameType.Refused when !IsReady:
                throw RefusalException.Read(bytes);
            default:
                payload?.Dispose();
                throw new FrameException($"a frame of type {(byte)type} has no place here");
        }

        payload?.Dispose();
    }

    private void Ready()
    {
        IsReady = true;
        _reader.Widen(LargeBuffer, transport.MaxFrameBytes);
        if (Meeting.IsFull)
            transport.Adopt(this);
        else
            transport.Hold(this);
    }
}
