using System.Buffers;
using System.Collections.Concurrent;
using System.Net.Sockets;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// Frames on their way into one socket. Whoever adds a frame while nobody writes becomes the writer and makes one attempt on its own thread, so that on an idle connection
/// a frame leaves within the call; what the attempt leaves over is written by the thread pool, many frames to a send. Small frames are copied together into one
/// staging buffer, which is cheaper than a vector of pieces; a large payload is sent from where it lies.
/// Invariant: there is at most one writer. The role is taken by the step of <see cref="_frames"/> from 0 to 1 and given back by the step to 0; the writer counts
/// frames down only after it is done with them, so the count cannot reach 0, nor step to 1 again, while somebody writes.
/// Invariant: every frame that was added is disposed of, once, by a writer; after a failure the writers only dispose.
/// </summary>
internal sealed class SendQueue : IThreadPoolWorkItem
{
    private const int StagingBytes = 64 * 1024;

    // Above this, a second send call costs less than copying.
    private const int LargePayload = 16 * 1024;

    private readonly Socket _socket;
    private readonly long _maxBytes;
    private readonly int _maxFrames;
    private readonly Action<string> _onFailure;
    private readonly ConcurrentQueue<(FrameType Type, PooledBuffer? Payload)> _queue = new();
    private volatile bool _closed;
    private long _bytes;
    private int _frames;

    // The writer's own.
    private byte[] _staging = [];
    private int _stagedFrom;
    private int _stagedTo;
    private PooledBuffer? _large;
    private int _largeFrom;
    private int _takenFrames;
    private long _takenBytes;

    /// <summary>Creates a queue. The socket must not block.</summary>
    /// <param name="socket">Where the frames go; owned by the caller.</param>
    /// <param name="maxBytes">Bytes that may wait; a single frame may exceed it when nothing else waits.</param>
    /// <param name="maxFrames">Frames that may wait.</param>
    /// <param name="onFailure">Told, on a writer's thread, why nothing more can be sent.</param>
    public SendQueue(Socket socket, long maxBytes, int maxFrames, Action<string> onFailure)
    {
        Invariant.That(!socket.Blocking, "a blocking socket would block the thread that sends");
        (_socket, _maxBytes, _maxFrames, _onFailure) = (socket, maxBytes, maxFrames, onFailure);
    }

    /// <summary>Bytes that may still wait before frames are dropped.</summary>
    public long FreeBytes => _closed ? 0 : Math.Max(0, _maxBytes - Interlocked.Read(ref _bytes));

    /// <summary>Adds a frame, whose payload it owns from now on; false if it was dropped. Thread-safe, never blocks.</summary>
    public bool TryAdd(FrameType type, PooledBuffer? payload)
    {
        var size = FrameHeader.Size + (payload?.Length ?? 0);
        var bytes = Interlocked.Add(ref _bytes, size);
        if (_closed || (bytes > _maxBytes && bytes != size) || Volatile.Read(ref _frames) >= _maxFrames)
        {
            Interlocked.Add(ref _bytes, -size);
            payload?.Dispose();
            return false;
        }

        _queue.Enqueue((type, payload));
        if (Interlocked.Increment(ref _frames) == 1)
            WriteOnce();
        return true;
    }

    /// <summary>Drops what waits and whatever is added from now on.</summary>
    public void Close()
    {
        _closed = true;
        // A writer at work finds the flag, or the socket closed, and drops the rest. If there is none, this thread takes the role, by a frame that does not exist.
        if (Interlocked.CompareExchange(ref _frames, 1, 0) != 0)
            return;
        _takenFrames = 1;
        Discard();
    }

    /// <summary>Called by the thread pool: goes on writing what a caller's own attempt left over.</summary>
    void IThreadPoolWorkItem.Execute() => _ = WriteAllAsync();

    /// <summary>The caller's attempt: one send, and the rest is the thread pool's.</summary>
    private void WriteOnce()
    {
        try
        {
            if (!_closed)
            {
                Stage(1);
                var sent = _socket.Send(Pending.Span, SocketFlags.None, out var error);
                if (error is not (SocketError.Success or SocketError.WouldBlock))
                    Fail(new SocketException((int)error).Message);
                else if (error == SocketError.Success && Sent(sent) && !FinishStaged())
                    return;
            }

            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        catch (ObjectDisposedException)
        {
            Fail("the connection was closed");
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private async Task WriteAllAsync()
    {
        try
        {
            while (!_closed)
            {
                if (Pending.IsEmpty)
                {
                    if (_takenFrames > 0 && !FinishStaged())
                        return;
                    Stage(Volatile.Read(ref _frames));
                }

                Sent(await _socket.SendAsync(Pending, SocketFlags.None));
            }
        }
        catch (SocketException e)
        {
            Fail(e.Message);
        }
        catch (ObjectDisposedException)
        {
            Fail("the connection was closed");
        }

        Discard();
    }

    /// <summary>What to send next: the staged bytes, then the large payload that follows them.</summary>
    private ReadOnlyMemory<byte> Pending =>
        _stagedFrom < _stagedTo ? _staging.AsMemory(_stagedFrom, _stagedTo - _stagedFrom)
        : _large is not null ? _large.Memory[_largeFrom..]
        : default;

    /// <summary>Takes frames from the queue, at most <paramref name="limit"/>, as many as fit one send.</summary>
    private void Stage(int limit)
    {
        if (_staging.Length == 0)
            _staging = ArrayPool<byte>.Shared.Rent(StagingBytes);
        _stagedFrom = _stagedTo = 0;
        while (_takenFrames < limit && _large is null && _stagedTo <= _staging.Length - FrameHeader.Size - LargePayload && _queue.TryDequeue(out var frame))
        {
            var payload = frame.Payload is null ? default : frame.Payload.Span;
            FrameHeader.Write(_staging.AsSpan(_stagedTo), frame.Type, payload);
            _stagedTo += FrameHeader.Size;
            _takenFrames++;
            _takenBytes += FrameHeader.Size + payload.Length;
            if (payload.Length > LargePayload)
            {
                (_large, _largeFrom) = (frame.Payload, 0);
            }
            else
            {
                payload.CopyTo(_staging.AsSpan(_stagedTo));
                _stagedTo += payload.Length;
                frame.Payload?.Dispose();
            }
        }

        Invariant.That(_takenFrames > 0, "a writer has a frame to write");
    }

    /// <summary>Notes what the socket took; true when nothing that was staged is left.</summary>
    private bool Sent(int count)
    {
        if (_stagedFrom < _stagedTo)
        {
            _stagedFrom += count;
            return _stagedFrom == _stagedTo && _large is null;
        }

        _largeFrom += count;
        if (_largeFrom < _large!.Length)
            return false;
        _large.Dispose();
        _large = null;
        return true;
    }

    /// <summary>Counts down what was taken; false when that was all, and with it the writer's role is gone: nothing may be touched any more.</summary>
    private bool FinishStaged()
    {
        Interlocked.Add(ref _bytes, -_takenBytes);
        var frames = _takenFrames;
        (_takenFrames, _takenBytes) = (0, 0);
        return Interlocked.Add(ref _frames, -frames) > 0;
    }

    private void Fail(string reason)
    {
        _closed = true;
        _onFailure(reason);
    }

    /// <summary>A writer's last act on a connection that is gone. Frames that are added later find the closed flag, or make their thread a writer that ends here.</summary>
    private void Discard()
    {
        _large?.Dispose();
        _large = null;
        _stagedFrom = _stagedTo = 0;
        do
        {
            for (var limit = Volatile.Read(ref _frames); _takenFrames < limit && _queue.TryDequeue(out var frame); _takenFrames++)
            {
                _takenBytes += FrameHeader.Size + (frame.Payload?.Length ?? 0);
                frame.Payload?.Dispose();
            }

            if (_staging.Length > 0)
                ArrayPool<byte>.Shared.Return(_staging);
            _staging = [];
        }
        while (FinishStaged());
    }
}
