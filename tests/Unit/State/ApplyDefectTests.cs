using System.Text;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Memory;
using RaftKv.Tests.Harness.Store;
using Xunit;

namespace RaftKv.Tests.Unit.State;

/// <summary>An entry that a defect keeps from being applied leaves state, sessions and position as they were, and can be skipped.</summary>
public sealed class ApplyDefectTests : IDisposable
{
    private readonly MemoryStateStore _store = new();
    private readonly PooledBuffer _command = new();
    private readonly PooledBuffer _result = new();
    private readonly InterposedState _state;
    private readonly StateMachine _machine;
    private long _time = 2_000;

    public ApplyDefectTests()
    {
        _state = new InterposedState(_store.Open(1)) { Poison = "poison"u8.ToArray() };
        _machine = new StateMachine(_state);
        Apply(into => PutCommand.Encode(into, "a"u8, "1"u8, expiry: Expiry.At(50_000)));
        Apply(OpenSessionCommand.Encode);
    }

    public static TheoryData<string> Commands => ["put", "delete", "rename", "batch", "clear", "expire"];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Nothing_is_left_of_an_entry_that_cannot_be_applied(string kind)
    {
        if (kind == "expire")
        {
            _state.Poison = null;
            Apply(into => PutCommand.Encode(into, "ex"u8, "1"u8, expiry: Expiry.At(2_500)));
            Apply(into => PutCommand.Encode(into, "poison"u8, "1"u8, expiry: Expiry.At(2_600)));
            _time = 3_000;
            _state.Poison = "poison"u8.ToArray();
        }

        var (hash, applied) = (Hash(), _machine.Applied);
        var defect = Assert.Throws<ApplyDefectException>(() => Apply(Encode(kind), session: 2, sequence: 1));
        Assert.True(defect.IsTakenBack);
        Assert.Equal(applied, _machine.Applied);
        Assert.Equal(hash, Hash());
        Skip();
        Apply(into => SkipEntryCommand.Encode(into, applied.Index + 1));
        Assert.Equal(ResultStatus.Ok, new CommandResult(_result.Span).Status);

        // It is not remembered as a request: sent again it would be tried again.
        Assert.Throws<ApplyDefectException>(() => Apply(Encode(kind), session: 2, sequence: 1));
    }

    [Fact]
    public void Who_halted_and_who_replays_come_to_the_same_state()
    {
        using var store = new MemoryStateStore();
        var state = new InterposedState(store.Open(1));
        using var other = new StateMachine(state);
        foreach (var encode in new[] { into => PutCommand.Encode(into, "a"u8, "1"u8, expiry: Expiry.At(50_000)), (Action<PooledBuffer>)OpenSessionCommand.Encode })
            Apply(other, 2_000, encode);
        Assert.Throws<ApplyDefectException>(() => Apply(Encode("batch"), session: 2, sequence: 1));
        Skip();
        other.ApplySkipped(new AppliedPosition(3, 1, 0), 2_000, _result);
        other.SaveSessions();
        Assert.Equal(state.ComputeHash(), Hash());
    }

    [Fact]
    public void Who_applied_an_entry_that_the_others_skipped_does_not_go_on()
    {
        Apply(into => PutCommand.Encode(into, "b"u8, "1"u8));
        var defect = Assert.Throws<ApplyDefectException>(() => Apply(into => SkipEntryCommand.Encode(into, 3)));
        Assert.IsType<SkippedEntryWasAppliedException>(defect.InnerException);
        Assert.Contains("re-created", defect.Message, StringComparison.Ordinal);
        Assert.Equal(3U, _machine.Applied.Index);
    }

    [Fact]
    public void A_reader_is_not_turned_away_for_ever_by_an_entry_that_was_taken_back()
    {
        Assert.Throws<ApplyDefectException>(() => Apply(Encode("batch")));
        using var value = new PooledBuffer();
        Assert.True(_machine.TryRead("a"u8, value, out var found, out _));
        Assert.True(found);
        Assert.Equal("1"u8, value.Span);
    }

    [Fact]
    public void What_says_something_of_disk_or_memory_is_no_defect_of_the_entry()
    {
        Assert.False(StateMachine.IsDefect(new IOException()));
        Assert.False(StateMachine.IsDefect(new StoreFailedException("x")));
        Assert.False(StateMachine.IsDefect(new InsufficientMemoryException()));
        Assert.True(StateMachine.IsDefect(new InvalidCastException()));
        Assert.True(StateMachine.IsDefect(new Engine.InvariantViolationException("x")));
    }

    public void Dispose()
    {
        _machine.Dispose();
        _store.Dispose();
        _command.Dispose();
        _result.Dispose();
    }

    private static Action<PooledBuffer> Encode(string kind) => kind switch
    {
        "put" => into => PutCommand.Encode(into, "poison"u8, "x"u8),
        "delete" => into =>
        {
            DeleteCommand.Encode(into, "a"u8);
            DeleteCommand.AddKey(into, "poison"u8);
        },
        "rename" => into => RenameCommand.Encode(into, "a"u8, "poison"u8),
        "batch" => into => Batch(into, i => PutCommand.Encode(i, "a"u8, "2"u8), i => PutCommand.Encode(i, "poison"u8, "x"u8)),
        "clear" => into => Batch(into, ClearCommand.Encode, i => PutCommand.Encode(i, "a"u8, "2"u8), i => PutCommand.Encode(i, "poison"u8, "x"u8)),
        _ => into => ExpireDueCommand.Encode(into, 100),
    };

    private static void Batch(PooledBuffer into, params Action<PooledBuffer>[] commands)
    {
        var batch = new BatchBuilder(into);
        using var command = new PooledBuffer();
        foreach (var encode in commands)
        {
            command.Clear();
            encode(command);
            batch.Add(command.Span);
        }
    }

    private ulong Hash()
    {
        _machine.SaveSessions();
        return _state.ComputeHash();
    }

    private void Skip()
    {
        _machine.ApplySkipped(new AppliedPosition(_machine.Applied.Index + 1, 1, 0), _time, _result);
        Assert.Equal(ResultStatus.Skipped, new CommandResult(_result.Span).Status);
    }

    private void Apply(Action<PooledBuffer> encode, ulong session = 0, ulong sequence = 0) => Apply(_machine, _time, encode, session, sequence);

    private void Apply(StateMachine machine, long time, Action<PooledBuffer> encode, ulong session = 0, ulong sequence = 0)
    {
        _command.Clear();
        encode(_command);
        CommandEnvelope.Stamp(_command.WritableSpan, session, sequence, 0);
        machine.Apply(new AppliedPosition(machine.Applied.Index + 1, 1, 0), time, _command.Span, _result);
    }
}
