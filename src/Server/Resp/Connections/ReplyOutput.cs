using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using RaftKv.Server.Resp.Execution;

namespace RaftKv.Server.Resp.Connections;

/// <summary>Sends to one client what was written for it. Used by its connection alone.</summary>
/// <remarks>
/// Invariant: one flush at a time; while one is under way nothing is written, so a client that takes nothing holds what was written before, and no more.
/// Invariant: once broken nothing reaches the client any more: what is written goes to the <see cref="Protocol.DiscardingWriter"/>.
/// </remarks>
[SuppressMessage("Reliability", "CA2012", Justification = "kept until its signal comes, then consumed, once: the price of an actor that waits for several things without allocating")]
internal sealed class ReplyOutput(PipeWriter pipe, RespSession session, ILogger logger, Action onFlushed)
{
    private ValueTask<FlushResult> _flush;
    private long _flushingBytes;

    /// <summary>Whether the client has yet to take what was sent.</summary>
    public bool IsFlushing { get; private set; }

    /// <summary>Whether the client is gone, or given up.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Bytes that were written and not sent.</summary>
    public long UnflushedBytes => pipe.UnflushedBytes;

    /// <summary>What it holds, bytes.</summary>
    public long HeldBytes => _flushingBytes + (IsBroken ? 0 : pipe.UnflushedBytes);

    /// <summary>Sends what has been written; false if the client is slow and the rest has to wait.</summary>
    public bool Flush()
    {
        if (IsBroken)
            return true;
        if (IsFlushing)
            return false;
        if (pipe.UnflushedBytes == 0)
            return true;
        _flushingBytes = pipe.UnflushedBytes;
        _flush = pipe.FlushAsync();
        IsFlushing = true;
        if (!_flush.IsCompleted)
        {
            _flush.GetAwaiter().UnsafeOnCompleted(onFlushed);
            return false;
        }
        Take();
        return true;
    }

    /// <summary>Takes note of a flush that has ended, if one has.</summary>
    public void Take()
    {
        if (!IsFlushing)
            return;
        IsFlushing = false;
        _flushingBytes = 0;
        try
        {
            if (!_flush.GetAwaiter().GetResult().IsCompleted)
                return;
        }
        catch (Exception e) when (ClosedPipe.IsGone(e))
        {
            logger.LogDebug(e, "client {Id} is gone", session.Id);
        }
        GiveUp();
    }

    /// <summary>Nothing more is for the client.</summary>
    public void GiveUp()
    {
        IsBroken = true;
        session.Channel.Disconnect();
    }
}
