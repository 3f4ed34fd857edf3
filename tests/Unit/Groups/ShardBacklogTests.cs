using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store.Memory;
using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Write;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>After a restart everything behind the last checkpoint is applied again. That takes long, and must not keep a shard from all else meanwhile.</summary>
public class ShardBacklogTests
{
    private const ulong Entries = 30_000;

    [Fact]
    public void A_long_backlog_is_applied_over_many_turns()
    {
        var clock = new SteppedClock();
        using var store = new MemoryStateStore();
        var alone = new Configuration { Voters = [1] };
        var configuration = new NodeConfiguration
        {
            Self = 1, Members = [new Member(1, "n1", "a:1")], Groups = 1, Shards = 1, Seed = 1, CheckpointBytes = long.MaxValue, Raft = new RaftOptions { Self = 1 },
        };
        var shard = new Shard(0, configuration, alone, clock, store, new NoTransport(), new WallClocks(configuration, clock, NullLogger.Instance), new PromptHost(), NullLogger.Instance, null);
        var initial = new RaftInitialState { Term = 1, LastIndex = Entries, Terms = [new TermRun(1, 1)], Configuration = alone };
        var core = new RaftNode(configuration.Raft, initial, new RepeatedPut(), 1, clock.Now);
        var replica = new Replica(shard, 1, new StateMachine(store.Open(1)), core);
        shard.Add(replica);

        ulong largestStep = 0;
        for (var turns = 0; replica.Machine.Applied.Index < Entries && turns < 100_000; turns++)
        {
            var before = replica.Machine.Applied.Index;
            clock.Now += 10_000_000;
            shard.Turn();
            largestStep = Math.Max(largestStep, replica.Machine.Applied.Index - before);
        }

        Assert.True(replica.Machine.Applied.Index >= Entries, "the backlog was never applied");
        Assert.InRange(largestStep, 1_000UL, 6_000UL);
        shard.Stop("done");
    }

    [Theory]
    [InlineData(700)]
    [InlineData(0)]
    public void Reads_that_came_together_are_served_over_many_turns(int leaseMillisecondsBefore)
    {
        const int Reads = 5_000;
        var key = new string('k', 4_000);
        using var node = new ShardFixture();
        node.Run(leaseMillisecondsBefore);
        var reads = Enumerable.Range(0, Reads).Select(_ => node.Read(key)).ToList();
        var (served, largestTurn) = (0, 0);
        for (var turns = 0; served < Reads && turns < 5_000; turns++)
        {
            node.Run(1);
            var now = reads.Count(r => r.Status == OperationStatus.Completed);
            (served, largestTurn) = (now, Math.Max(largestTurn, now - served));
        }

        Assert.Equal(Reads, served);
        Assert.InRange(largestTurn, 100, 2_000);
    }

    private sealed class SteppedClock : IClock
    {
        public long Now { get; set; } = 1_000_000_000;

        public long UnixMilliseconds => Now / 1_000_000;
    }

    /// <summary>A log in which every entry is the same write.</summary>
    private sealed class RepeatedPut : ILogStorage
    {
        private readonly byte[] _command = Command();

        public void Read(ulong first, ulong last, long maxBytes, List<LogEntry> into)
        {
            for (var index = first; index <= last && (index == first || maxBytes >= _command.Length); index++, maxBytes -= _command.Length)
                into.Add(new LogEntry(index, 1, EntryKind.Command, 1, _command));
        }

        private static byte[] Command()
        {
            using var command = new PooledBuffer();
            PutCommand.Encode(command, "key"u8, "value"u8);
            return command.Span.ToArray();
        }
    }

    private sealed class PromptHost : IShardHost
    {
        public void PostToLog(WalBatch batch, IWalCompletion target) => target.OnDurable(batch);

        public void RunInBackground(Action work, Action<Exception?> end)
        {
            work();
            end(null);
        }

        public void OnLogRefuses(int shard, bool refuses)
        {
            // There is no other shard.
        }

        public void OnTransfersEnded()
        {
        }

        public void OnFailure(Exception failure) => throw new InvalidOperationException("the shard failed", failure);
    }

    private sealed class NoTransport : ITransport
    {
        public bool Send(ulong peer, PooledBuffer frame)
        {
            frame.Dispose();
            return false;
        }

        public int MaxFrameBytes => 64 << 20;

        public long FreeBytes(ulong peer) => 64 << 20;

        public bool IsConnected(ulong peer) => false;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
