using System.Buffers.Binary;
using System.Net.Sockets;
using System.Threading.Channels;
using RaftKv.Consensus.Transport;

namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>
/// One connection between two nodes, passed on frame by frame as the <see cref="Link"/>s of its two directions say. A frame is a head, which begins with 1 + the length of the payload, and the payload
/// (docs/FORMATS.md). Frames are passed on as they are, so a checksum that was right stays right unless the link spoils it.
/// </summary>
internal sealed class ProxiedConnection : IDisposable
{
    private const int TypeAt = 8;
    private const int MaxFrameBytes = 64 << 20;
    private const int FirstTypeAfterHandshake = 16;

    // A sender whose frames are held back notices by its own buffers, as it would with a real network.
    private const int MaxFramesUnderWay = 512;

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(2);

    private readonly Socket _dialler;
    private readonly Socket _target;
    private readonly Link _out;
    private readonly Link _back;
    private readonly CancellationTokenSource _end = new();
    private volatile bool _frozen;

    /// <summary>Takes over two connected sockets.</summary>
    public ProxiedConnection(Socket dialler, Socket target, Link forth, Link back) => (_dialler, _target, _out, _back) = (dialler, target, forth, back);

    /// <summary>From now on nothing passes, in either direction, for ever; neither end is told.</summary>
    public void Freeze() => _frozen = true;

    /// <summary>Whether it is between these two, in either direction.</summary>
    public bool IsOn(Link link) => link == _out || link == _back;

    /// <summary>Passes frames on until an end closes; <paramref name="first"/> has been read from the dialler already.</summary>
    public async Task RunAsync(byte[] first)
    {
        await Task.WhenAny(PumpAsync(_dialler, _target, _out, first), PumpAsync(_target, _dialler, _back, null));
        Dispose();
    }

    /// <summary>Reads one whole frame; null when the sender is gone or sends no frames.</summary>
    public static async Task<byte[]?> ReadFrameAsync(Socket from, CancellationToken cancellation)
    {
        var head = new byte[FrameHeader.Size];
        if (!await FillAsync(from, head, cancellation))
            return null;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(head);
        if (length is 0 or > MaxFrameBytes)
            return null;
        var frame = new byte[FrameHeader.Size + (int)length - 1];
        head.CopyTo(frame, 0);
        return await FillAsync(from, frame.AsMemory(FrameHeader.Size), cancellation) ? frame : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _end.Cancel();
        _dialler.Dispose();
        _target.Dispose();
    }

    /// <summary>Ends when this direction has ended, and its end may be told to the other side.</summary>
    private async Task PumpAsync(Socket from, Socket to, Link link, byte[]? first)
    {
        var underWay = Channel.CreateBounded<(long Due, byte[] Frame)>(MaxFramesUnderWay);
        var writing = WriteAsync(underWay.Reader, to, link);
        for (var frame = first ?? await ReadFrameAsync(from, _end.Token); frame is not null && !link.Cut; frame = await ReadFrameAsync(from, _end.Token))
        {
            // What the network loses is up to the network; that it is not drawn from the seed changes nothing, as timing is not either.
            if (link.LossPerMille > 0 && !IsOfHandshake(frame) && Random.Shared.Next(1000) < link.LossPerMille)
                continue;
            if (!await TryAddAsync(underWay.Writer, (RealTime.Now + (link.DelayMilliseconds * 1_000_000L), frame)))
                break;
        }
        underWay.Writer.TryComplete();
        await writing;
        // A network that is down does not deliver the news that somebody closed, either.
        await PassableAsync(link);
    }

    private async Task WriteAsync(ChannelReader<(long Due, byte[] Frame)> frames, Socket to, Link link)
    {
        try
        {
            await foreach (var (due, frame) in frames.ReadAllAsync(_end.Token))
            {
                while (RealTime.Now < due && !_end.IsCancellationRequested)
                    await RealTime.Pass(Step, _end.Token);
                await PassableAsync(link);
                if (link.BytesPerSecond > 0)
                    await RealTime.Pass(TimeSpan.FromSeconds((double)frame.Length / link.BytesPerSecond), _end.Token);
                var corrupted = link.TakeCorruption();
                if (corrupted)
                    frame[Random.Shared.Next(frame.Length)] ^= (byte)(1 << Random.Shared.Next(8));
                var truncated = !corrupted && link.TakeTruncation();
                if (!await SendAsync(to, truncated ? frame.AsMemory(0, frame.Length / 2) : frame) || truncated || link.Cut)
                {
                    Dispose();
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            return; // The connection has ended.
        }
    }

    private async Task PassableAsync(Link link)
    {
        while ((link.Stalled || _frozen) && !link.Cut && !_end.IsCancellationRequested)
            await RealTime.Pass(Step, _end.Token);
    }

    // A handshake without one of its frames waits for its timeout, which no network that loses packets would make it do: TCP repeats them.
    private static bool IsOfHandshake(byte[] frame) => frame[TypeAt] < FirstTypeAfterHandshake;

    private async Task<bool> TryAddAsync(ChannelWriter<(long Due, byte[] Frame)> frames, (long Due, byte[] Frame) frame)
    {
        try
        {
            await frames.WriteAsync(frame, _end.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> SendAsync(Socket to, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
                bytes = bytes[await to.SendAsync(bytes, SocketFlags.None, _end.Token)..];
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return false;
        }
    }

    private static async Task<bool> FillAsync(Socket from, Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            while (!buffer.IsEmpty)
            {
                var count = await from.ReceiveAsync(buffer, SocketFlags.None, cancellation);
                if (count == 0)
                    return false;
                buffer = buffer[count..];
            }
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return false;
        }
    }
}
