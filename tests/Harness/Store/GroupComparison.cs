using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;
using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Harness.Store;

/// <summary>Compares all that an <see cref="IGroupState"/> answers.</summary>
internal static class GroupComparison
{
    public static void AssertEqual(IGroupState expected, IGroupState actual, SeededRandom random)
    {
        Expect.Equal(expected.Applied, actual.Applied);
        foreach (var space in new[] { Keyspace.System, Keyspace.User })
            AssertSpaceEqual(space, expected, actual, random);
        Expect.Equal(expected.EarliestExpiry, actual.EarliestExpiry);
        AssertExpiredEqual(expected, actual, random.Below(400));
        Expect.Equal(expected.ComputeHash(), actual.ComputeHash());
        AssertImagesEqual(expected, actual, 1 << random.Between(7, 15));
    }

    private static void AssertSpaceEqual(Keyspace space, IGroupState expected, IGroupState actual, SeededRandom random)
    {
        Expect.Equal(expected.Count(space), actual.Count(space));
        using var key = new PooledBuffer();
        using var next = new PooledBuffer();
        using var other = new PooledBuffer();
        using var value = new PooledBuffer();
        using var otherValue = new PooledBuffer();
        var first = true;
        while (expected.TryGetNextKey(space, key.Span, !first, next))
        {
            Expect.That(actual.TryGetNextKey(space, key.Span, !first, other));
            Expect.Sequence(next.Span.ToArray(), other.Span.ToArray());
            first = false;
            key.Clear();
            key.Write(next.Span);
            value.Clear();
            otherValue.Clear();
            Expect.That(expected.Read(space, key.Span, value, out var header));
            Expect.That(actual.Read(space, key.Span, otherValue, out var otherHeader));
            Expect.Equal(header, otherHeader);
            Expect.Sequence(value.Span.ToArray(), otherValue.Span.ToArray());
            Expect.That(actual.TryGetHeader(space, key.Span, out otherHeader));
            Expect.Equal(header, otherHeader);
        }
        Expect.That(!actual.TryGetNextKey(space, key.Span, !first, other));
        if (expected.Count(space) == 0)
            return;
        var position = random.Below((int)expected.Count(space));
        Expect.That(expected.TryGetKeyAt(space, position, next));
        Expect.That(actual.TryGetKeyAt(space, position, other));
        Expect.Sequence(next.Span.ToArray(), other.Span.ToArray());
        next.Write([1, 2, 3]);
        Expect.Equal(expected.TryGetHeader(space, next.Span, out _), actual.TryGetHeader(space, next.Span, out _));
    }

    private static void AssertExpiredEqual(IGroupState expected, IGroupState actual, long time)
    {
        using var key = new PooledBuffer();
        using var other = new PooledBuffer();
        Expect.Equal(expected.TryGetExpired(time, key, out var space), actual.TryGetExpired(time, other, out var otherSpace));
        Expect.Equal(space, otherSpace);
        Expect.Sequence(key.Span.ToArray(), other.Span.ToArray());
    }

    private static void AssertImagesEqual(IGroupState expected, IGroupState actual, int chunkBytes)
    {
        using var a = expected.OpenSnapshot();
        using var b = actual.OpenSnapshot();
        using var chunk = new PooledBuffer();
        using var other = new PooledBuffer();
        while (a.ReadChunk(chunk, chunkBytes))
        {
            Expect.That(b.ReadChunk(other, chunkBytes));
            Expect.Sequence(chunk.Span.ToArray(), other.Span.ToArray());
            chunk.Clear();
            other.Clear();
        }
        Expect.That(!b.ReadChunk(other, chunkBytes));
    }
}
