using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Faster;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Harness.State;
using RaftKv.Tests.Harness.Store;
using Xunit;

namespace RaftKv.Tests.Properties.State;

/// <summary>
/// A defect at any call that an entry makes of its store leaves what was there before the entry: the entry, applied once more, ends as it does on a machine that never had the defect.
/// Over a FASTER store whose pages are so small that most records are on disk, beside one in memory.
/// </summary>
public class DefectProperties
{
    private static readonly FasterStoreOptions Small = new()
    {
        PageBytes = 16 << 10,
        MemoryBytes = 64 << 10,
        SegmentBytes = 32 << 10,
        IndexBytes = 4 << 10,
        CompactionFloor = 64 << 10,
        Readers = 3,
        Synchronous = true,
    };

    [Fact]
    public void A_defect_at_any_call_is_as_if_it_had_not_been() => Seeds.ForEach(40, seed =>
    {
        var generator = new CommandGenerator(seed);
        using var store = FasterStateStore.Open(new SimulatedFileSystem(), "/store", Small);
        var state = new InterposedState(store.Open(1));
        using var machine = new StateMachine(state);
        using var twin = new CommandDriver();
        using var command = new PooledBuffer();
        using var result = new PooledBuffer();
        var (session, sequence) = (twin.OpenSession(), 0UL);
        Apply(OpenSessionCommand.Encode, 0, 0);
        var defects = 0;
        for (var i = 1UL; i <= 150; i++)
        {
            generator.Revision = i;
            twin.Time += generator.Random.Next(20);
            generator.Time = twin.Time;
            // Fills pages, so that what the next entries find is on disk.
            twin.Apply(Filler);
            Apply(Filler, 0, 0);
            command.Clear();
            generator.Encode(command);
            CommandEnvelope.Stamp(command.WritableSpan, session, ++sequence, sequence);
            var before = Hash();
            for (var call = 1; call <= 1 + generator.Random.Next(6); call++)
            {
                state.DefectIn = call;
                if (Record.Exception(ApplyCommand) is not { } thrown)
                    break;
                Assert.True(Assert.IsType<ApplyDefectException>(thrown).IsTakenBack);
                defects++;
                Assert.Equal(before, Hash());
            }

            state.DefectIn = 0;
            if (machine.Applied.Index == twin.Index)
                ApplyCommand();
            Assert.Equal(twin.ApplyRaw(command.Span), result.Span.ToArray());
            Assert.Equal(twin.Hash(), Hash());
        }

        Assert.True(defects > 50, $"only {defects} defects");

        void Filler(PooledBuffer into) => PutCommand.Encode(into, BitConverter.GetBytes(generator.Revision % 7), new byte[900 + (int)(generator.Revision % 50)]);

        void Apply(Action<PooledBuffer> encode, ulong ofSession, ulong number)
        {
            command.Clear();
            encode(command);
            CommandEnvelope.Stamp(command.WritableSpan, ofSession, number, 0);
            ApplyCommand();
        }

        void ApplyCommand() => machine.Apply(new AppliedPosition(machine.Applied.Index + 1, 1, 0), twin.Time, command.Span, result);

        ulong Hash()
        {
            machine.SaveSessions();
            return state.ComputeHash();
        }
    });
}
