using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store.Keys;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Properties.Store;

/// <summary>The key index against a sorted dictionary.</summary>
public class KeyIndexProperties
{
    private static readonly Comparer<byte[]> Order = Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));

    [Fact]
    public void It_behaves_as_a_sorted_dictionary_and_frozen_images_never_change() => StoreCases.Run(30, seed =>
    {
        var random = new SeededRandom(seed);
        var index = new KeyIndex();
        var model = new SortedDictionary<byte[], IndexEntry>(Order);
        var frozen = new List<(KeyIndex.Cursor Image, List<KeyValuePair<byte[], IndexEntry>> Expected)>();
        var universe = random.Between(1, 3000);
        var longKeys = random.Below(30);
        var removing = false;
        for (var step = 0; step < 4000; step++)
        {
            if (random.Chance(2))
                removing = !removing;
            var key = Key(random, universe, longKeys);
            var existed = model.TryGetValue(key, out var before);
            if (random.Below(10) < (removing ? 8 : 2))
            {
                Assert.Equal(existed, index.Remove(key, out var old));
                Assert.Equal(before, old);
                model.Remove(key);
            }
            else
            {
                var entry = new IndexEntry((long)(random.Next() >> 18), random.Below(1 << 24), random.Chance(500));
                Assert.Equal(existed, index.Set(key, entry, out var old));
                Assert.Equal(before, old);
                model[key] = entry;
            }
            if (random.Chance(5))
                frozen.Add((index.Freeze(), model.ToList()));
            if (random.Chance(20))
                Probe(index, model, random, universe, longKeys);
        }
        AssertSame(index.First(), model.ToList());
        foreach (var (image, expected) in frozen)
            AssertSame(image, expected);
    });

    private static void Probe(KeyIndex index, SortedDictionary<byte[], IndexEntry> model, SeededRandom random, int universe, int longKeys)
    {
        var from = Key(random, universe, longKeys);
        var exclusive = random.Chance(500);
        var expected = model.Keys.FirstOrDefault(key => key.AsSpan().SequenceCompareTo(from) is var order && (exclusive ? order > 0 : order >= 0));
        using var found = new PooledBuffer();
        Assert.Equal(expected is not null, index.TryGetNext(from, exclusive, found));
        Assert.Equal(expected ?? [], found.Span.ToArray());
        Assert.Equal(model.Count, index.Count);
        if (model.Count == 0)
            return;
        var position = random.Below(model.Count);
        found.Clear();
        Assert.True(index.TryGetAt(position, found));
        Assert.Equal(model.Keys.ElementAt(position), found.Span.ToArray());
    }

    private static void AssertSame(KeyIndex.Cursor cursor, List<KeyValuePair<byte[], IndexEntry>> expected)
    {
        foreach (var (key, entry) in expected)
        {
            Assert.True(cursor.Valid);
            Assert.Equal(key, cursor.Key.ToArray());
            Assert.Equal(entry, cursor.Entry);
            Assert.True(cursor.TryGet(key, out var looked));
            Assert.Equal(entry, looked);
            cursor.Next();
        }
        Assert.False(cursor.Valid);
    }

    private static byte[] Key(SeededRandom random, int universe, int longKeys)
    {
        var number = random.Below(universe);
        var seed = new SeededRandom((ulong)number);
        var key = new byte[seed.Chance(longKeys) ? seed.Below(65537) : seed.Below(24)];
        seed.Fill(key);
        return key;
    }
}
