using System.Buffers;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// Cuts a stream of bytes into frames, in whatever pieces they arrive. Knows no socket: the owner asks where to put bytes, puts them there, says how many, and takes the frames.
/// A payload above half of the buffer is received straight into the buffer that will be handed out. Not thread-safe.
/// Invariant: before <see cref="Widen"/> it holds at most two small buffers, whatever the other side announces.
/// </summary>
internal sealed class FrameReader : IDisposable
{
    private byte[] _buffer;
    private int _start;
    private int _end;
    private int _maxPayload;
    private FrameHeader _largeHeader;
    private PooledBuffer? _large;

    /// <summary>Creates a reader of frames with small payloads.</summary>
    public FrameReader(int capacity, int maxPayload)
    {
        _buffer = ArrayPool<byte>.Shared.Rent(capacity);
        _maxPayload = maxPayload;
    }

    /// <summary>Allows larger frames from now on; what has arrived already is kept.</summary>
    public void Widen(int capacity, int maxPayload)
    {
        Invariant.That(_large is null && capacity >= _end - _start, "widened between frames");
        var wider = ArrayPool<byte>.Shared.Rent(capacity);
        _buffer.AsSpan(_start, _end - _start).CopyTo(wider);
        ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _start, _end, _maxPayload) = (wider, 0, _end - _start, maxPayload);
    }

    /// <summary>Where to put the next bytes; never empty. To be asked for only after <see cref="TryRead"/> returned false.</summary>
    public Memory<byte> Free
    {
        get
        {
            if (_large is not null)
                return _large.GetMemory(_largeHeader.PayloadLength - _large.Length)[..(_largeHeader.PayloadLength - _large.Length)];
            if (_start == _end)
            {
                _start = _end = 0;
            }
            else if (_start > 0)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                (_start, _end) = (0, _end - _start);
            }

            return _buffer.AsMemory(_end);
        }
    }

    /// <summary>Says how many bytes were put into <see cref="Free"/>.</summary>
    public void Received(int count)
    {
        if (_large is not null)
            _large.Advance(count);
        else
            _end += count;
        Invariant.That(_end <= _buffer.Length, "received past the buffer's end");
    }

    /// <summary>Takes the next whole frame; the payload is the caller's to dispose of. False if more bytes are needed.</summary>
    /// <exception cref="FrameException">The bytes are no frame; the reader cannot be used further.</exception>
    public bool TryRead(out FrameType type, out PooledBuffer? payload)
    {
        type = default;
        payload = null;
        if (_large is not null)
            return TryFinishLarge(out type, out payload);

        var available = _buffer.AsSpan(_start, _end - _start);
        if (available.Length < FrameHeader.Size)
            return false;
        var header = FrameHeader.Read(available, _maxPayload);
        var arrived = available[FrameHeader.Size..];
        if (arrived.Length < header.PayloadLength)
        {
            if (header.PayloadLength > (_buffer.Length - FrameHeader.Size) / 2)
                BeginLarge(header, arrived);
            return false;
        }

        var bytes = arrived[..header.PayloadLength];
        header.Verify(bytes);
        _start += FrameHeader.Size + bytes.Length;
        type = header.Type;
        if (bytes.IsEmpty)
            return true;
        payload = new PooledBuffer(bytes.Length);
        payload.Write(bytes);
        return true;
    }

    /// <summary>Gives all memory back.</summary>
    public void Dispose()
    {
        _large?.Dispose();
        _large = null;
        var buffer = _buffer;
        _buffer = [];
        _start = _end = 0;
        if (buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(buffer);
    }

    private void BeginLarge(FrameHeader header, ReadOnlySpan<byte> arrived)
    {
        _largeHeader = header;
        _large = new PooledBuffer(header.PayloadLength);
        _large.Write(arrived);
        _start = _end = 0;
    }

    private bool TryFinishLarge(out FrameType type, out PooledBuffer? payload)
    {
        type = _largeHeader.Type;
        payload = null;
        if (_large!.Length < _largeHeader.PayloadLength)
            return false;
        _largeHeader.Verify(_large.Span);
        payload = _large;
        _large = null;
        return true;
    }
}
