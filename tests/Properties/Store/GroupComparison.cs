using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Properties.Store;

/// <summary>Compares all that an <see cref="IGroupState"/> answers.</summary>
internal static class GroupComparison
{
    public static void AssertEqual(IGroupState expected, IGroupState actual, SeededRandom random)
    {
        Assert.Equal(expected.Applied, actual.Applied);
        foreach (var space in new[] { Keyspace.System, Keyspace.User })
            AssertSpaceEqual(space, expected, actual, random);
        Assert.Equal(expected.EarliestExpiry, actual.EarliestExpiry);
        AssertExpiredEqual(expected, actual, random.Below(400));
        Assert.Equal(expected.ComputeHash(), actual.ComputeHash());
        AssertImagesEqual(expected, actual, 1 << random.Between(7, 15));
    }

    private static void AssertSpaceEqual(Keyspace space, IGroupState expected, IGroupState actual, SeededRandom random)
    {
        Assert.Equal(expected.Count(space), actual.Count(space));
        using var key = new PooledBuffer();
        using var next = new PooledBuffer();
        using var other = new PooledBuffer();
        using var value = new PooledBuffer();
        using var otherValue = new PooledBuffer();
        var first = true;
        while (expected.TryGetNextKey(space, key.Span, !first, next))
        {
            Assert.True(actual.TryGetNextKey(space, key.Span, !first, other));
            Assert.Equal(next.Span.ToArray(), other.Span.ToArray());
            first = false;
            key.Clear();
            key.Write(next.Span);
            value.Clear();
            otherValue.Clear();
            Assert.True(expected.Read(space, key.Span, value, out var header));
            Assert.True(actual.Read(space, key.Span, otherValue, out var otherHeader));
            Assert.Equal(header, otherHeader);
            Assert.Equal(value.Span.ToArray(), otherValue.Span.ToArray());
            Assert.True(actual.TryGetHeader(space, key.Span, out otherHeader));
            Assert.Equal(header, otherHeader);
        }
        Assert.False(actual.TryGetNextKey(space, key.Span, !first, other));
        if (expected.Count(space) == 0)
            return;
        var position = random.Below((int)expected.Count(space));
        Assert.True(expected.TryGetKeyAt(space, position, next));
        Assert.True(actual.TryGetKeyAt(space, position, other));
        Assert.Equal(next.Span.ToArray(), other.Span.ToArray());
        next.Write([1, 2, 3]);
        Assert.Equal(expected.TryGetHeader(space, next.Span, out _), actual.TryGetHeader(space, next.Span, out _));
    }

    private static void AssertExpiredEqual(IGroupState expected, IGroupState actual, long time)
    {
        using var key = new PooledBuffer();
        using var other = new PooledBuffer();
        Assert.Equal(expected.TryGetExpired(time, key, out var space), actual.TryGetExpired(time, other, out var otherSpace));
        Assert.Equal(space, otherSpace);
        Assert.Equal(key.Span.ToArray(), other.Span.ToArray());
    }

    private static void AssertImagesEqual(IGroupState expected, IGroupState actual, int chunkBytes)
    {
        using var a = expected.OpenSnapshot();
        using var b = actual.OpenSnapshot();
        using var chunk = new PooledBuffer();
        using var other = new PooledBuffer();
        while (a.ReadChunk(chunk, chunkBytes))
        {
            Assert.True(b.ReadChunk(other, chunkBytes));
            Assert.Equal(chunk.Span.ToArray(), other.Span.ToArray());
            chunk.Clear();
            other.Clear();
        }
        Assert.False(b.ReadChunk(other, chunkBytes));
    }
}
