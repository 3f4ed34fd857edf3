using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using RaftKv.Engine.Buffers;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Connections;

/// <summary>
/// From the bytes of one client to commands. Commands are parsed where the transport put them; only an incomplete one, or one that spans segments, is copied. Used by its connection alone.
/// </summary>
/// <remarks>
/// Invariant: the pipe is read only when everything that came before was looked at, so what is held is one incomplete command, or what one read returned.
/// Invariant: a command is looked at again, unchanged, until <see cref="Advance"/> moves past it.
/// Invariant: a buffer that grew with a large command does not stay with an idle connection.
/// </remarks>
[SuppressMessage("Reliability", "CA2012", Justification = "kept until its signal comes, then consumed, once: the price of an actor that waits for several things without allocating")]
internal sealed class CommandInput(PipeReader pipe, RespLimits limits, ConnectedClient client, TimeProvider clock, Action onReceived) : IDisposable
{
    private const int LargestKeptBuffer = 64 << 10;

    private readonly RespParser _parser = new(limits);
    private readonly PooledBuffer _held = new();
    private ValueTask<ReadResult> _read;
    private ReadOnlySequence<byte> _buffer;
    private bool _hasBuffer;
    private bool _isReading;

    // Where the next command begins, and where the one after it: in the pipe's buffer if there is one, else in what is held.
    private int _position;
    private int _next;

    /// <summary>Whether the client will send nothing more.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Whether bytes have arrived that were not looked at yet.</summary>
    public bool HasBuffer => _hasBuffer;

    /// <summary>What it holds, bytes.</summary>
    public int HeldBytes => _held.Capacity;

    /// <summary>What has arrived and may hold commands. Valid until <see cref="KeepRest"/>, <see cref="TryRead"/> or <see cref="Take"/>.</summary>
    public ReadOnlySpan<byte> Data => _hasBuffer ? _buffer.FirstSpan : _held.Span;

    /// <summary>What is wrong, where the parser found that something is.</summary>
    public string Problem => _parser.Problem;

    /// <summary>Asks for more bytes if all that came before were looked at; true if some are there already.</summary>
    public bool TryRead()
    {
        if (_isReading || _hasBuffer || HasEnded || (_position < _held.Length && _position > 0))
            return false;
        _read = ClosedPipe.ReadAsync(pipe);
        _isReading = true;
        if (!_read.IsCompleted)
        {
            _read.GetAwaiter().UnsafeOnCompleted(onReceived);
            return false;
        }
        Take();
        return true;
    }

    /// <summary>Takes what a read brought, if one has ended.</summary>
    public void Take()
    {
        if (!_isReading)
            return;
        _isReading = false;
        ReadResult result;
        try
        {
            result = _read.GetAwaiter().GetResult();
        }
        catch (Exception e) when (ClosedPipe.IsGone(e))
        {
            // The client is gone: a reset is as good as an end.
            HasEnded = true;
            return;
        }
        HasEnded = result.IsCompleted;
        _buffer = result.Buffer;
        _hasBuffer = true;
        if (_held.Length > 0 || !_buffer.IsSingleSegment)
        {
            foreach (var segment in _buffer)
                _held.Write(segment.Span);
            Consume();
        }
    }

    /// <summary>Looks for the next command in <see cref="Data"/>.</summary>
    public RespParseStatus Peek(ReadOnlySpan<byte> data)
    {
        _next = _position;
        return _parser.Next(data, ref _next);
    }

    /// <summary>The arguments of the command that <see cref="Peek"/> found.</summary>
    public RespArguments Arguments(ReadOnlySpan<byte> data) => _parser.Arguments(data);

    /// <summary>Moves past what <see cref="Peek"/> is done with.</summary>
    public void Advance() => _position = _next;

    /// <summary>Keeps the beginning of a command whose rest has not arrived, and gives everything before it back.</summary>
    public void KeepRest(ReadOnlySpan<byte> data)
    {
        var rest = data[_position..];
        if (rest.IsEmpty)
            client.CommandBegan = null;
        else if (_position > 0 || client.CommandBegan is null)
            client.CommandBegan = clock.GetTimestamp();
        if (_hasBuffer)
        {
            _held.Write(rest);
            Consume();
        }
        else if (rest.Length < _held.Length)
            MoveToFront(rest);
        _position = 0;
    }

    /// <summary>Gives back what has arrived, unlooked at.</summary>
    public void Discard()
    {
        if (_hasBuffer)
            Consume();
    }

    /// <summary>Forgets all that has arrived.</summary>
    public void GiveUp()
    {
        Discard();
        _held.Dispose();
        _position = 0;
    }

    public void Dispose()
    {
        _parser.Dispose();
        _held.Dispose();
    }

    private void MoveToFront(ReadOnlySpan<byte> rest)
    {
        if (rest.Length > LargestKeptBuffer || _held.Capacity <= LargestKeptBuffer)
        {
            rest.CopyTo(_held.WritableSpan);
            _held.SetLength(rest.Length);
            return;
        }
        // The large one goes back, whatever little came behind its command.
        Span<byte> little = rest.Length <= 1024 ? stackalloc byte[rest.Length] : new byte[rest.Length];
        rest.CopyTo(little);
        _held.Dispose();
        _held.Write(little);
    }

    private void Consume()
    {
        pipe.AdvanceTo(_buffer.End);
        _buffer = default;
        _hasBuffer = false;
    }
}
