using System.Collections.Concurrent;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>What other threads tell a shard.</summary>
internal enum ShardEventKind : byte
{
    Operation,
    Frame,
    PeerConnected,
    PeerDisconnected,
    LogDurable,
    LogFull,
    Failed,
    Work,
}

/// <summary>One event; Subject is what the kind says: an Operation, a PooledBuffer, a LogBatch, an Exception, an Action.</summary>
internal readonly record struct ShardEvent(ShardEventKind Kind, object? Subject, ulong Peer);

/// <summary>
/// The way into a shard: many writers, one reader, in order per writer. Writers wake the shard only when it said that it sleeps.
/// </summary>
internal sealed class ShardInbox
{
    private readonly ConcurrentQueue<ShardEvent> _events = new();
    private readonly Action? _wake;
    private readonly long _maxFrameBytes;
    private long _frameBytes;
    private int _asleep;

    /// <summary><paramref name="wake"/> is called by a writer, at most once per sleep; null where somebody else drives the shard.</summary>
    public ShardInbox(Action? wake, long maxFrameBytes) => (_wake, _maxFrameBytes) = (wake, maxFrameBytes);

    public bool IsEmpty => _events.IsEmpty;

    public void Post(Operation operation) => Post(new ShardEvent(ShardEventKind.Operation, operation, 0));

    /// <summary>Takes ownership of a frame, or drops it when too much waits already: peers do not stop sending because a shard stands still.</summary>
    public void Post(ulong peer, PooledBuffer frame)
    {
        if (Interlocked.Add(ref _frameBytes, frame.Length) > _maxFrameBytes && frame.Length < Volatile.Read(ref _frameBytes))
        {
            Interlocked.Add(ref _frameBytes, -frame.Length);
            Sometimes.Reached(Sometimes.InboxFull);
            frame.Dispose();
            return;
        }

        Post(new ShardEvent(ShardEventKind.Frame, frame, peer));
    }

    /// <summary>A frame that was posted is looked at now.</summary>
    public void Taken(PooledBuffer frame) => Interlocked.Add(ref _frameBytes, -frame.Length);

    public void Post(Action work) => Post(new ShardEvent(ShardEventKind.Work, work, 0));

    public void Post(in ShardEvent @event)
    {
        _events.Enqueue(@event);
        // The queue is written before the flag is read; the shard sets the flag before it looks at the queue for the last time. One of the two sees the other.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _asleep) != 0 && Interlocked.Exchange(ref _asleep, 0) != 0)
            _wake?.Invoke();
    }

    public bool TryTake(out ShardEvent @event) => _events.TryDequeue(out @event);

    /// <summary>The shard is about to sleep. False: something came in, do not.</summary>
    public bool TryFallAsleep()
    {
        Interlocked.Exchange(ref _asleep, 1);
        if (_events.IsEmpty)
            return true;
        Interlocked.Exchange(ref _asleep, 0);
        return false;
    }

    public void AwakeByTimer() => Interlocked.Exchange(ref _asleep, 0);
}
