using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Unit.State;

public sealed class StateMachineTests : IDisposable
{
    private readonly CommandDriver _driver = new();

    public void Dispose() => _driver.Dispose();

    [Fact]
    public void Bytes_that_are_no_command_are_refused_and_advance_the_position()
    {
        foreach (var bytes in new byte[][] { [], [1], new byte[25], new byte[26], [.. Enumerable.Repeat((byte)255, 40)] })
        {
            var result = new CommandResult(_driver.ApplyRaw(bytes));
            Assert.True(result.Status is ResultStatus.Malformed);
            Assert.Equal(_driver.Index, result.Revision);
        }
        Assert.Equal(5UL, _driver.Index);
    }

    [Fact]
    public void An_entry_out_of_order_is_a_bug()
    {
        _driver.Machine.ApplyEmpty(new AppliedPosition(1, 2, 0), 10);
        Assert.Throws<InvariantViolationException>(() => _driver.Machine.ApplyEmpty(new AppliedPosition(1, 2, 0), 10));
        Assert.Throws<InvariantViolationException>(() => _driver.Machine.ApplyEmpty(new AppliedPosition(3, 2, 0), 10));
        Assert.Throws<InvariantViolationException>(() => _driver.Machine.ApplyEmpty(new AppliedPosition(2, 1, 0), 10));
    }

    [Fact]
    public void A_reader_beside_the_applying_thread_sees_expiry_as_the_state_machine_does()
    {
        _driver.Apply(into => PutCommand.Encode(into, "k"u8, "v"u8, expiry: Expiry.At(2_000)));
        using var value = new PooledBuffer();
        value.Write("before:"u8);
        Assert.True(_driver.Machine.TryRead("k"u8, value, out var found, out var header));
        Assert.True(found && header.Revision == 1 && value.Span.SequenceEqual("before:v"u8));
        _driver.Machine.ApplyEmpty(new AppliedPosition(2, 1, 0), 2_001);
        value.SetLength(7);
        Assert.True(_driver.Machine.TryRead("k"u8, value, out found, out _));
        Assert.True(!found && value.Span.SequenceEqual("before:"u8));
    }

    [Fact]
    public void Readers_beside_the_applying_thread_never_see_half_a_batch_nor_one_taken_back()
    {
        // Never among those that stay.
        const long TakenBack = -1;
        using var stop = new CancellationTokenSource();
        var seen = 0L;
        string? wrong = null;
        var reader = new Thread(() =>
        {
            using var value = new PooledBuffer();
            while (!stop.IsCancellationRequested)
            {
                // Written together, a before b: b read first can be older than a, never newer.
                var b = Read("b"u8, value);
                var a = Read("a"u8, value);
                if (b > a || a == TakenBack || b == TakenBack)
                    wrong = $"a was {a} after b was {b}";
                Interlocked.Increment(ref seen);
            }
        });
        reader.Start();
        var spin = new SpinWait();
        for (var i = 1; i <= 3_000 || Interlocked.Read(ref seen) < 1_000; i++)
        {
            _driver.Apply(into => Batch(into, true, i, fails: false));
            _driver.Apply(into => Batch(into, true, TakenBack, fails: true));
            if (i > 3_000)
                spin.SpinOnce();
        }
        stop.Cancel();
        reader.Join();
        Assert.Null(wrong);
    }

    [Fact]
    public void Applying_a_command_of_a_session_allocates_nothing_in_steady_state()
    {
        using var machine = new StateMachine(new ForgetfulState());
        using var command = new PooledBuffer();
        using var result = new PooledBuffer();
        OpenSessionCommand.Encode(command);
        machine.Apply(new AppliedPosition(1, 1, 0), 1_000, command.Span, result);
        command.Clear();
        PutCommand.Encode(command, "key"u8, new byte[100], returnOld: true);
        var index = 1UL;
        Run(70_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run(10_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Run(int count)
        {
            for (var i = 0; i < count; i++, index++)
            {
                CommandEnvelope.Stamp(command.WritableSpan, 1, index, index > 256 ? index - 256 : 0);
                machine.Apply(new AppliedPosition(index + 1, 1, 0), 1_000, command.Span, result);
            }
        }
    }

    private static void Batch(PooledBuffer into, bool allOrNothing, long number, bool fails)
    {
        var batch = new BatchBuilder(into, allOrNothing);
        using var command = new PooledBuffer();
        foreach (var key in new[] { "a", "b" })
        {
            command.Clear();
            PutCommand.Encode(command, System.Text.Encoding.UTF8.GetBytes(key), BitConverter.GetBytes(number));
            batch.Add(command.Span);
        }
        command.Clear();
        IncrementCommand.Encode(command, "a"u8, 1);
        if (fails)
            batch.Add(command.Span);
    }

    private long Read(ReadOnlySpan<byte> key, PooledBuffer value)
    {
        var spin = new SpinWait();
        while (true)
        {
            value.Clear();
            if (_driver.Machine.TryRead(key, value, out var found, out _))
                return found ? BitConverter.ToInt64(value.Span) : 0;
            spin.SpinOnce();
        }
    }

    /// <summary>Remembers its position and nothing else, and allocates nothing.</summary>
    private sealed class ForgetfulState : IGroupState
    {
        public uint Group => 1;

        public AppliedPosition Applied { get; private set; }

        public long EarliestExpiry => long.MaxValue;

        public bool Read(Keyspace space, ReadOnlySpan<byte> key, PooledBuffer value, out RecordHeader header)
        {
            header = default;
            return false;
        }

        public bool TryGetHeader(Keyspace space, ReadOnlySpan<byte> key, out RecordHeader header)
        {
            header = default;
            return false;
        }

        public void Write(Keyspace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value)
        {
        }

        public bool Remove(Keyspace space, ReadOnlySpan<byte> key) => false;

        public Action Clear(Keyspace space) => static () => { };

        public void CompleteEntry(AppliedPosition position) => Applied = position;

        public long Count(Keyspace space) => 0;

        public bool TryGetNextKey(Keyspace space, ReadOnlySpan<byte> from, bool exclusive, PooledBuffer key) => false;

        public bool TryGetKeyAt(Keyspace space, long position, PooledBuffer key) => false;

        public bool TryGetExpired(long time, PooledBuffer key, out Keyspace space)
        {
            space = default;
            return false;
        }

        public ulong ComputeHash() => 0;

        public ISnapshotReader OpenSnapshot() => throw new NotSupportedException();

        public ISnapshotWriter BeginInstall() => throw new NotSupportedException();
    }
}
