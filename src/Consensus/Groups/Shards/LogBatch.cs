using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine.Wal.Write;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>
/// What one turn of a shard gives to the log, for all groups it touched, and what may happen only once it is durable: messages that promise it, and the cores' own confirmations.
/// </summary>
internal sealed class LogBatch
{
    private readonly List<Deferred> _deferred = [];

    /// <summary>The bytes.</summary>
    public WalBatch Wal { get; } = new();

    /// <summary>When it was given to the log.</summary>
    public long PostedAt { get; set; }

    public bool IsEmpty => Wal.IsEmpty && _deferred.Count == 0;

    /// <summary>After durability: send the messages, then tell the core.</summary>
    public void Defer(Replica replica, StorageToken token, List<Message> messages)
    {
        foreach (var message in messages)
            _deferred.Add(new Deferred(replica, message, default, null));
        _deferred.Add(new Deferred(replica, null, token, null));
    }

    /// <summary>After durability: do this, on the shard's thread.</summary>
    public void Defer(Replica replica, Action action) => _deferred.Add(new Deferred(replica, null, default, action));

    /// <summary>Leaves what was deferred to another batch, behind what that defers.</summary>
    public void MoveTo(LogBatch other)
    {
        other._deferred.AddRange(_deferred);
        _deferred.Clear();
    }

    /// <summary>The batch is durable: what was deferred happens, in order. Then it is empty and may be used again.</summary>
    public void Release(IReplicaContext context)
    {
        foreach (var deferred in _deferred)
        {
            if (deferred.Replica.IsRemoved)
                continue;
            if (deferred.Message is not null)
                context.Outbox.Add(deferred.Replica.Group, deferred.Message);
            else if (deferred.Action is not null)
                deferred.Action();
            else
                deferred.Replica.Core.WritesDurable(deferred.Token, context.Now);
            context.Touch(deferred.Replica);
        }

        _deferred.Clear();
        Wal.Clear();
    }

    private readonly record struct Deferred(Replica Replica, Message? Message, StorageToken Token, Action? Action);
}
