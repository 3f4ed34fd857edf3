using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;
using RaftKv.Engine.Wal;
using RaftKv.Tests.Harness.Fuzz;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>
/// What the codec lets through is taken by a core. A message that can only come of lost or forged state (a leader that knows this node to hold what it does not) may break an invariant by name,
/// which ends the node before it acknowledges anything more; nothing else may come of it.
/// </summary>
public class CoreFuzzTests
{
    [Fact]
    public void Whatever_message_can_be_read_is_stepped_or_breaks_an_invariant_by_name() => Fuzzer.Run(
        new FuzzTarget { Corpus = [.. MessageFuzzTests.Frames()], Read = Step, Refusals = [typeof(InvariantViolationException)], FixedBytes = 4 << 20, BytesPerByte = 256 },
        10_000);

    private static bool Step(byte[] bytes)
    {
        var options = new RaftOptions { Self = 2 };
        var initial = new RaftInitialState
        {
            Term = 8, LastIndex = 12, Terms = [new TermRun(1, 3), new TermRun(9, 8)], AppliedIndex = 5, Configuration = new Configuration { Voters = [1, 2, 3] },
        };
        var core = new RaftNode(options, initial, new Storage(), 1, 1_000_000_000);
        var effects = new RaftEffects();
        var (position, now, stepped) = (0, 2_000_000_000L, 0);
        core.Tick(now);
        Drain(core, effects, now);
        while (MessageCodec.TryRead(bytes, ref position, out _, out var message))
        {
            // What does not come from a peer that says so, or is not for this node, the shard does not hand on.
            if (message!.From is not (1 or 3) || message.To != 2)
                continue;
            core.Step(message, now += 1_000_000);
            Drain(core, effects, now);
            stepped++;
        }

        core.Tick(now + 5_000_000_000);
        Drain(core, effects, now + 5_000_000_000);
        return stepped > 0;
    }

    private static void Drain(RaftNode core, RaftEffects effects, long now)
    {
        for (var i = 0; core.HasEffects && i < 100; i++)
        {
            core.TakeEffects(effects);
            if (effects.Token is { } token)
                core.WritesDurable(token, now);
            if (effects.Committed.Count > 0)
                core.Applied(effects.Committed[^1].Index);
        }
    }

    private sealed class Storage : ILogStorage
    {
        public void Read(ulong first, ulong last, long maxBytes, List<LogEntry> into)
        {
            for (var index = first; index <= last; index++)
                into.Add(new LogEntry(index, index < 9 ? 3UL : 8UL, EntryKind.Command, 1, new byte[10]));
        }
    }
}
