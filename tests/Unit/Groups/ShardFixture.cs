using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Io;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Memory;
using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Log;
using RaftKv.Engine.Wal.Write;
using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>One shard with one group, turned by hand, over a disk, a store and a clock that do what the test says. Alone in its cluster, or with peers that are never heard.</summary>
internal sealed class ShardFixture : IShardHost, IClock, ITransport, IDisposable
{
    private readonly HashSet<ulong> _connected = [];
    private readonly WriteAheadLog _log;
    private readonly Queue<(WalBatch Batch, IWalCompletion Target)> _held = [];
    private long _now;

    public ShardFixture(int members = 1)
    {
        var configuration = new NodeConfiguration
        {
            Self = 1,
            Members = [.. Enumerable.Range(1, members).Select(n => new Member((ulong)n, $"n{n}", ""))],
            Groups = 1,
            Shards = 1,
            Raft = new RaftOptions { Self = 1, QuiesceAfter = 0 },
            Seed = 1,
        };
        _log = WriteAheadLog.Open(new SimulatedFileSystem(), "/node/wal", new WalOptions { SegmentSize = 65536, FirstSegmentSize = 65536 }, new WalIdentity(Guid.Empty, 1));
        var initial = new Configuration { Voters = [.. configuration.Members.Select(m => m.Number)] };
        Shard = new Shard(0, configuration, initial, this, Store, this, new WallClocks(configuration, this, NullLogger.Instance), this, NullLogger.Instance, null);
        Replica = ReplicaRecovery.Recover(Shard, 1, Store, _log);
        Shard.Add(Replica);
    }

    public Shard Shard { get; }

    public Replica Replica { get; }

    public FaultyStore Store { get; } = new();

    /// <summary>Whether peers can be heard.</summary>
    public bool IsConnected { get; set; }

    /// <summary>Longest frame to peers.</summary>
    public int MaxFrameBytes { get; set; } = 64 << 20;

    /// <summary>Hears of every frame that leaves.</summary>
    public SentFrame? OnSent { get; set; }

    public delegate void SentFrame(ulong peer, ReadOnlySpan<byte> frame);

    /// <summary>Whether the log's disk answers.</summary>
    public bool DiskHangs { get; set; }

    /// <summary>Frames that left, or would have if there were a connection.</summary>
    public List<(ulong Peer, byte[] Frame)> Sent { get; } = [];

    /// <summary>What made the shard stop its node.</summary>
    public Exception? Failure { get; private set; }

    public long Now => _now;

    public long UnixMilliseconds => _now / 1_000_000;

    /// <summary>Lets time pass in small steps, a turn at each.</summary>
    public void Run(int milliseconds)
    {
        for (var passed = 0; passed < milliseconds; passed++)
        {
            Pass(1);
            Shard.Turn();
        }
    }

    /// <summary>Lets time pass.</summary>
    public void Pass(int milliseconds) => _now += milliseconds * 1_000_000L;

    /// <summary>The log's disk answers again: what it held back is durable.</summary>
    public void DiskAnswers()
    {
        DiskHangs = false;
        while (_held.TryDequeue(out var held))
            ((IShardHost)this).PostToLog(held.Batch, held.Target);
    }

    /// <summary>One more group, between two turns.</summary>
    public Replica AddGroup(uint group)
    {
        var replica = ReplicaRecovery.Recover(Shard, group, Store, _log);
        Shard.Add(replica);
        return replica;
    }

    public TestOperation Write(string key, string value, uint group = 1)
    {
        var operation = New(OperationKind.Write, group);
        PutCommand.Encode(operation.Command, System.Text.Encoding.UTF8.GetBytes(key), System.Text.Encoding.UTF8.GetBytes(value));
        Shard.Submit(operation);
        return operation;
    }

    public TestOperation Delete(string key)
    {
        var operation = New(OperationKind.Write);
        DeleteCommand.Encode(operation.Command, System.Text.Encoding.UTF8.GetBytes(key));
        Shard.Submit(operation);
        return operation;
    }

    public TestOperation Read(string key)
    {
        var operation = New(OperationKind.Read);
        GetCommand.Encode(operation.Command, System.Text.Encoding.UTF8.GetBytes(key));
        Shard.Submit(operation);
        return operation;
    }

    /// <summary>The connection to a peer comes to stand.</summary>
    public void Connect(ulong peer)
    {
        _connected.Add(peer);
        Shard.Inbox.Post(new ShardEvent(ShardEventKind.PeerConnected, null, peer));
        Shard.Turn();
    }

    /// <summary>A peer says something.</summary>
    public void Hear(Message message)
    {
        var frame = new PooledBuffer();
        frame.Write([(byte)FrameKind.Raft]);
        MessageCodec.Write(frame, 1, message);
        Shard.Inbox.Post(message.From, frame);
        Shard.Turn();
    }

    /// <summary>A leader answers a write or a read that this node forwarded.</summary>
    public void HearAnswer(ulong peer, ulong request, ForwardAnswer answer, ReadOnlySpan<byte> result)
    {
        var frame = new PooledBuffer();
        frame.Write([(byte)FrameKind.ForwardAnswer]);
        ForwardCodec.WriteAnswer(frame, 1, request, answer, result);
        Shard.Inbox.Post(peer, frame);
        Shard.Turn();
    }

    /// <summary>Everything that was forwarded to a peer since the last time, in order.</summary>
    public List<(ulong Request, byte[] Command)> TakeForwards(ulong peer)
    {
        var forwards = new List<(ulong, byte[])>();
        foreach (var (to, frame) in Sent)
        {
            if (to != peer || frame[0] != (byte)FrameKind.Forward)
                continue;
            ReadOnlySpan<byte> items = frame.AsSpan(1);
            while (ForwardCodec.TryReadRequest(ref items, out _, out var request, out var command))
                forwards.Add((request, command.ToArray()));
        }

        Sent.Clear();
        return forwards;
    }

    public void Dispose()
    {
        _log.Dispose();
        Store.Dispose();
    }

    void IShardHost.PostToLog(WalBatch batch, IWalCompletion target)
    {
        if (DiskHangs)
        {
            _held.Enqueue((batch, target));
            return;
        }

        _log.Write(batch);
        target.OnDurable(batch);
    }

    void IShardHost.RunInBackground(Action work, Action<Exception?> end)
    {
        work();
        end(null);
    }

    void IShardHost.OnLogRefuses(int shard, bool refuses)
    {
        // There is no other shard.
    }

    void IShardHost.OnTransfersEnded()
    {
    }

    void IShardHost.OnFailure(Exception failure) => Failure = failure;

    int ITransport.MaxFrameBytes => MaxFrameBytes;

    long ITransport.FreeBytes(ulong peer) => 0;

    bool ITransport.Send(ulong peer, PooledBuffer frame)
    {
        OnSent?.Invoke(peer, frame.Span);
        Sent.Add((peer, frame.Span.ToArray()));
        frame.Dispose();
        return _connected.Contains(peer);
    }

    bool ITransport.IsConnected(ulong peer) => IsConnected || _connected.Contains(peer);

    ValueTask IAsyncDisposable.DisposeAsync() => ValueTask.CompletedTask;

    private TestOperation New(OperationKind kind, uint group = 1) => new() { Group = group, Kind = kind, Deadline = _now + 5_000_000_000, Shard = Shard };

    /// <summary>An operation that remembers when it ended.</summary>
    internal sealed class TestOperation : Operation
    {
        public required Shard Shard { get; init; }

        /// <summary>Time of the turn that completed it.</summary>
        public long CompletedAt { get; private set; } = -1;

        protected internal override void OnCompleted() => CompletedAt = Shard.Now;
    }

    /// <summary>A store whose disk can be full.</summary>
    internal sealed class FaultyStore : IStateStore
    {
        private readonly MemoryStateStore _store = new();

        public bool IsDiskFull { get; set; }

        public bool IsShortOfSpace { get; set; }

        /// <summary>Checkpoints that find no space, from now on.</summary>
        public int RefusedCheckpoints { get; set; }

        public IReadOnlyCollection<uint> Groups => _store.Groups;

        public IGroupState Open(uint group) => _store.Open(group);

        public void Drop(uint group) => _store.Drop(group);

        public bool TryBeginCheckpoint() => _store.TryBeginCheckpoint();

        public CompletedCheckpoint? PollCheckpoint()
        {
            var completed = _store.PollCheckpoint();
            if (completed is null || RefusedCheckpoints == 0)
                return completed;
            RefusedCheckpoints--;
            throw new DiskFullException("There is no space left (injected).");
        }

        public void Dispose() => _store.Dispose();
    }
}
