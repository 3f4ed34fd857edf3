using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>Node 1 of three, which follows node 2: what its callers write is forwarded, and the test answers for the leader.</summary>
internal sealed class FollowerFixture : IDisposable
{
    private readonly ShardFixture _fixture = new(members: 3);
    private readonly List<ulong> _forwarded = [];

    public FollowerFixture()
    {
        _fixture.IsConnected = true;
        _fixture.OnSent = TakeForwards;
        _fixture.Shard.Inbox.Post(new ShardEvent(ShardEventKind.PeerConnected, null, 2));
        var beat = new PooledBuffer();
        beat.Write([(byte)FrameKind.Raft]);
        MessageCodec.Write(beat, 1, new Heartbeat { From = 2, To = 1, Term = 1, CommitIndex = 0, SentAt = 0 });
        _fixture.Shard.Inbox.Post(2, beat);
        _fixture.Shard.Turn();
        // The first write opens the node's session.
        Write(10);
        Answer(_forwarded[0], ForwardAnswer.Done, session: true);
        Answer(_forwarded[1], ForwardAnswer.Done);
        _forwarded.Clear();
        Operations.Clear();
        Next = 0;
    }

    /// <summary>Numbers of the requests that reached the leader, in order.</summary>
    public IReadOnlyList<ulong> Forwarded => _forwarded;

    /// <inheritdoc cref="ShardFixture.MaxFrameBytes"/>
    public int MaxFrameBytes
    {
        set => _fixture.MaxFrameBytes = value;
    }

    /// <summary>The next request that was not answered.</summary>
    public int Next { get; private set; }

    public List<ShardFixture.TestOperation> Operations { get; } = [];

    public ShardFixture.TestOperation Write(int valueBytes)
    {
        var operation = _fixture.Write("key", new string('v', valueBytes));
        Operations.Add(operation);
        _fixture.Shard.Turn();
        return operation;
    }

    public void Answer(ulong request, ForwardAnswer answer, bool session = false)
    {
        var result = new byte[CommandResult.HeadSize];
        result[1] = session ? (byte)7 : (byte)1;
        var frame = new PooledBuffer();
        frame.Write([(byte)FrameKind.ForwardAnswer]);
        ForwardCodec.WriteAnswer(frame, 1, request, answer, answer == ForwardAnswer.Done ? result : []);
        _fixture.Shard.Inbox.Post(2, frame);
        _fixture.Shard.Turn();
        Next = _forwarded.IndexOf(request) + 1;
    }

    public void Dispose() => _fixture.Dispose();

    private void TakeForwards(ulong peer, ReadOnlySpan<byte> frame)
    {
        if (peer != 2 || frame[0] != (byte)FrameKind.Forward)
            return;
        frame = frame[1..];
        while (ForwardCodec.TryReadRequest(ref frame, out _, out var request, out _))
            _forwarded.Add(request);
    }
}
