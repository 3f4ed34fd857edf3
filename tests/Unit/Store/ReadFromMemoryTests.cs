using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Memory;
using Xunit;

namespace RaftKv.Tests.Unit.Store;

/// <summary>Who reads without the disk must be able to tell beforehand.</summary>
public class ReadFromMemoryTests
{
    private const int Keys = 2_000;

    [Fact]
    public void What_is_said_to_be_in_memory_is_read_without_the_disk_and_the_rest_is_on_disk()
    {
        using var fixture = new StoreFixture();
        for (var i = 0; i < Keys; i++)
            fixture.Put(i, StoreFixture.Value(i, 100));
        var inMemory = 0;
        for (var i = 0; i < Keys; i++)
        {
            inMemory += fixture.Group.IsInMemory(Keyspace.User, StoreFixture.Key(i)) ? 1 : 0;
            Assert.Equal(StoreFixture.Value(i, 100), fixture.Get(i));
        }

        // 64 KiB of memory, 250 KiB of records; the newest ones stay.
        Assert.InRange(inMemory, 100, Keys / 2);
        Assert.True(fixture.Group.IsInMemory(Keyspace.User, StoreFixture.Key(Keys - 1)));
        Assert.False(fixture.Group.IsInMemory(Keyspace.User, StoreFixture.Key(0)));
        fixture.Put(0, StoreFixture.Value(1, 100));
        Assert.True(fixture.Group.IsInMemory(Keyspace.User, StoreFixture.Key(0)));
    }

    [Fact]
    public void A_store_within_its_memory_never_sends_anybody_to_the_disk()
    {
        using var fixture = new StoreFixture();
        fixture.Put(1, StoreFixture.Value(1, 100));
        Assert.True(fixture.Group.IsInMemory(Keyspace.User, StoreFixture.Key(1)));
        Assert.True(fixture.Group.IsInMemory(Keyspace.User, StoreFixture.Key(2)));
    }

    [Fact]
    public void A_Get_answered_beside_the_applying_thread_is_answered_as_a_query_is()
    {
        using var store = new MemoryStateStore();
        using var machine = new StateMachine(store.Open(1));
        using var command = new PooledBuffer();
        using var value = new PooledBuffer();
        using var one = new PooledBuffer();
        using var other = new PooledBuffer();
        PutCommand.Encode(command, "k"u8, "a value"u8, expiry: Expiry.At(5_000));
        machine.Apply(new AppliedPosition(1, 1, 0), 1_000, command.Span, one);
        foreach (var headerOnly in (bool[])[false, true])
        {
            foreach (var key in (string[])["k", "absent", ""])
            {
                command.Clear();
                GetCommand.Encode(command, System.Text.Encoding.UTF8.GetBytes(key), headerOnly);
                machine.Query(command.Span, one);
                Assert.True(machine.TryGet(command.Span, value, other));
                Assert.Equal(one.Span, other.Span);
            }
        }

        machine.ApplyEmpty(new AppliedPosition(2, 1, 0), 5_001);
        command.Clear();
        GetCommand.Encode(command, "k"u8);
        machine.Query(command.Span, one);
        Assert.True(machine.TryGet(command.Span, value, other));
        Assert.Equal(one.Span, other.Span);
        Assert.Equal(ResultStatus.NotFound, new CommandResult(other.Span).Status);
    }
}
