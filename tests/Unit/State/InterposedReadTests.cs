using System.Text;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Memory;
using RaftKv.Tests.Harness.Store;
using Xunit;

namespace RaftKv.Tests.Unit.State;

/// <summary>A reader beside the applying thread, with an entry applied at exactly the place in its read where it could go wrong.</summary>
public sealed class InterposedReadTests : IDisposable
{
    private readonly MemoryStateStore _store = new();
    private readonly PooledBuffer _command = new();
    private readonly PooledBuffer _result = new();
    private readonly PooledBuffer _value = new();
    private readonly InterposedState _state;
    private readonly StateMachine _machine;

    public InterposedReadTests()
    {
        _state = new InterposedState(_store.Open(1));
        _machine = new StateMachine(_state);
        Apply(1_000, into => PutCommand.Encode(into, "key"u8, "value"u8, expiry: Expiry.At(2_000)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_key_whose_expiry_is_removed_or_moved_beside_a_read_is_not_missed(bool removed)
    {
        void Extend()
        {
            Apply(1_500, into => ExpireCommand.Encode(into, "key"u8, removed ? Expiry.None : Expiry.At(10_000)));
            Apply(3_000, into => PutCommand.Encode(into, "other"u8, "x"u8));
        }

        _state.AfterRead = Extend;
        Assert.Equal("value", Read("key"));
    }

    [Fact]
    public void A_key_that_is_written_anew_beside_a_read_is_found()
    {
        _state.BeforeRead = () => Apply(5_000, into => PutCommand.Encode(into, "key"u8, "new"u8, expiry: Expiry.At(6_000)));
        Assert.Equal("new", Read("key"));
    }

    [Fact]
    public void A_key_that_expired_before_the_read_began_is_not_found()
    {
        Apply(2_001, into => PutCommand.Encode(into, "other"u8, "x"u8));
        Assert.Null(Read("key"));
    }

    [Fact]
    public void A_read_within_an_entry_that_changes_several_records_gives_up()
    {
        var gaveUp = false;
        _state.AfterWrite = () => gaveUp = !_machine.TryRead("a"u8, _value, out _, out _);
        Apply(1_000, into => Batch(into, "a", "b"));
        Assert.True(gaveUp);
        Assert.Equal("a", Read("a"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_read_around_an_entry_that_changes_several_records_gives_up(bool before)
    {
        void Change() => Apply(1_000, into => Batch(into, "a", "b"));
        if (before)
            _state.BeforeRead = Change;
        else
            _state.AfterRead = Change;
        Assert.False(_machine.TryRead("a"u8, _value, out _, out _));
    }

    [Fact]
    public void A_read_within_a_batch_that_is_taken_back_sees_nothing_of_it()
    {
        Apply(1_000, into => PutCommand.Encode(into, "big"u8, new byte[CommandLimits.ValueCeiling]));
        var gaveUp = false;
        _state.AfterWrite = () => gaveUp = !_machine.TryRead("a"u8, _value, out _, out _);
        Apply(1_000, into =>
        {
            var batch = new BatchBuilder(into);
            using var command = new PooledBuffer();
            PutCommand.Encode(command, "a"u8, "1"u8);
            batch.Add(command.Span);
            for (var i = 0; i < 2; i++)
            {
                command.Clear();
                GetCommand.Encode(command, "big"u8);
                batch.Add(command.Span);
            }
        });
        Assert.Equal(ResultStatus.LimitExceeded, new CommandResult(_result.Span).Status);
        Assert.True(gaveUp);
        Assert.Null(Read("a"));
    }

    public void Dispose()
    {
        _machine.Dispose();
        _store.Dispose();
        _command.Dispose();
        _result.Dispose();
        _value.Dispose();
    }

    private static void Batch(PooledBuffer into, params string[] keys)
    {
        var batch = new BatchBuilder(into);
        using var command = new PooledBuffer();
        foreach (var key in keys)
        {
            command.Clear();
            PutCommand.Encode(command, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(key));
            batch.Add(command.Span);
        }
    }

    private string? Read(string key)
    {
        _value.Clear();
        Assert.True(_machine.TryRead(Encoding.UTF8.GetBytes(key), _value, out var found, out _));
        return found ? Encoding.UTF8.GetString(_value.Span) : null;
    }

    private void Apply(long time, Action<PooledBuffer> encode)
    {
        _command.Clear();
        encode(_command);
        _machine.Apply(new AppliedPosition(_machine.Applied.Index + 1, 1, 0), time, _command.Span, _result);
    }
}
