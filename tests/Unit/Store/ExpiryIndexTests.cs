using System.Text;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Store;

public class ExpiryIndexTests
{
    [Fact]
    public void A_key_that_lost_its_only_expiry_in_place_can_be_written_beside_others_that_expire()
    {
        using var store = FasterStateStore.Open(new SimulatedFileSystem(), "/store", new FasterStoreOptions { MemoryBytes = 1 << 20, PageBytes = 64 << 10, SegmentBytes = 1 << 20, Synchronous = true });
        var state = store.Open(1);
        Write(state, "a", 100);
        Write(state, "a", 0);
        Write(state, "b", 200);
        Write(state, "a", 0);
        Assert.True(state.Remove(Keyspace.User, "a"u8));
        Assert.Equal(200, state.EarliestExpiry);
        using var key = new PooledBuffer();
        Assert.True(state.TryGetExpired(200, key, out _));
        Assert.Equal("b", Encoding.UTF8.GetString(key.Span));
    }

    private static void Write(IGroupState state, string key, long expireAt)
    {
        state.Write(Keyspace.User, Encoding.UTF8.GetBytes(key), new RecordHeader(1, expireAt), "value"u8);
        state.CompleteEntry(new AppliedPosition(state.Applied.Index + 1, 1, 0));
    }
}
