using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Checkpoints;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Store;

/// <summary>A disk that is small, or full: what is written again and again fits for ever, and what is removed comes back as space, from the reserve if need be.</summary>
public sealed class FullStoreTests : IDisposable
{
    private const int DiskBytes = 640 << 10;

    /// <summary>One segment is almost as large as the disk: waiting for whole ones would never free any.</summary>
    private static readonly FasterStoreOptions Options = StoreFixture.Small with { SegmentBytes = 512 << 10 };

    private readonly StoreFixture _store = new(Options);

    public FullStoreTests() => _store.Disk.Capacity = DiskBytes;

    public void Dispose() => _store.Dispose();

    [Fact]
    public void One_key_overwritten_for_ever_fits_on_a_small_disk_and_no_write_is_refused()
    {
        for (var i = 0; i < 4000; i++)
        {
            _store.Put(1, StoreFixture.Value(i, 1500 + (i % 5)));
            Tend(1);
            Assert.False(_store.Store.IsShortOfSpace, $"short of space after {i + 1} writes");
        }

        Assert.Equal(StoreFixture.Value(3999, 1500 + (3999 % 5)), _store.Get(1));
        Restart();
        Assert.InRange(_store.Disk.Used, 0, DiskBytes);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_full_store_is_emptied_by_removing_and_takes_writes_again(bool clear, bool restart)
    {
        var keys = Fill();
        Assert.InRange(keys, 150, 400);
        if (restart)
        {
            _store.Checkpoint();
            Restart();
            Assert.Equal(keys, _store.Group.Count(Keyspace.User));
        }

        for (var i = 0; i < keys && !clear; i++)
            Remove(i);
        if (clear)
            Clear();
        Assert.Null(_store.Get(0));
        Tend(200);
        Assert.False(_store.Store.IsShortOfSpace);
        Assert.InRange(_store.Store.DiskBytes, 0, 4 * Options.PageBytes);
        // As much again as there was room for before.
        Assert.InRange(Fill(), keys / 2, 400);
        Restart();
        Assert.NotNull(_store.Get(0));
    }

    /// <summary>Something else on the disk takes all that is left: only the reserve is there to work with.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_removed_from_a_disk_without_any_space_comes_back_from_the_reserve(bool restart)
    {
        for (var i = 0; i < 150; i++)
            _store.Put(i, StoreFixture.Value(i, 1500));
        _store.Checkpoint();
        _store.Disk.Capacity = _store.Disk.Used;
        if (restart)
            Restart();
        Clear();
        Tend(200);
        Assert.False(_store.Store.IsShortOfSpace);
        Assert.InRange(_store.Disk.Used, 0, _store.Disk.Capacity / 2);
        for (var i = 0; i < 20; i++)
            _store.Put(i, StoreFixture.Value(i, 1500));
        _store.Checkpoint();
    }

    /// <summary>Clear makes garbage of everything at once. No write follows that would drive compaction, and the disk is far from full.</summary>
    [Fact]
    public void Clear_gives_space_back_although_nothing_is_written_afterwards()
    {
        _store.Disk.Capacity = long.MaxValue;
        for (var i = 0; i < 1000; i++)
            _store.Put(i, StoreFixture.Value(i, 1500));
        _store.Checkpoint();
        var before = _store.Store.DiskBytes;
        Clear();
        Tend(100);
        Assert.False(_store.Store.HasSpaceToGiveBack);
        Assert.InRange(_store.Store.DiskBytes, 0, before / 10);
    }

    /// <summary>Compaction has moved the log's begin between the last two checkpoints; the newest manifest is lost. The one before it needs what lies below the new begin.</summary>
    [Fact]
    public void The_previous_checkpoint_is_whole_although_the_log_was_cut_since()
    {
        using var store = new StoreFixture();
        ulong before = 0;
        for (var round = 0; ; round++)
        {
            Assert.InRange(round, 0, 60);
            for (var i = 0; i < 300; i++)
                store.Put(i, StoreFixture.Value((round * 1000) + i, 100 + (round % 7)));
            var givenBack = store.Store.GivenBack;
            before = store.Group.Applied.Index;
            store.Checkpoint();
            for (var i = 0; i < 300 && givenBack == store.Store.GivenBack; i++)
                store.Put(i, StoreFixture.Value(i, 200));
            if (round > 3 && ManifestBegins(store, out var newest) is var (older, newer) && newer > older)
            {
                store.Disk.FlipBit($"/store/manifest-{newest:D20}", 300);
                break;
            }
        }

        store.Restart();
        Assert.InRange(store.Group.Applied.Index, 1UL, before - 1);
        Assert.Equal(300, store.Group.Count(Keyspace.User));
        Assert.NotNull(store.Get(299));
    }

    private static (long Older, long Newer) ManifestBegins(StoreFixture store, out ulong newest)
    {
        var sequences = StoreManifest.List(store.Disk, "/store");
        newest = sequences[0];
        return (StoreManifest.TryLoad(store.Disk, "/store", sequences[1])!.Begin, StoreManifest.TryLoad(store.Disk, "/store", newest)!.Begin);
    }

    /// <summary>New keys until the store is short of space; returns how many.</summary>
    private int Fill()
    {
        for (var i = 0; ; i++)
        {
            if (_store.Store.IsShortOfSpace)
                return i;
            _store.Put(i, StoreFixture.Value(i, 1500));
            Tend(1);
        }
    }

    private void Remove(int key)
    {
        Assert.True(_store.Group.Remove(Keyspace.User, StoreFixture.Key(key)));
        Complete();
        Tend(1);
    }

    private void Clear()
    {
        _store.Group.Clear(Keyspace.User);
        Complete();
    }

    private void Complete() => _store.Complete();

    /// <summary>What a shard does in its turns.</summary>
    private void Tend(int turns)
    {
        for (; turns > 0; turns--)
        {
            if (!_store.Store.HasSpaceToGiveBack || !_store.Store.GiveSpaceBack())
                continue;
            Assert.True(_store.Store.TryBeginCheckpoint());
            try
            {
                while (_store.Store.PollCheckpoint() is null)
                {
                }
            }
            catch (Engine.Io.DiskFullException)
            {
                // The shard tries again.
            }
        }
    }

    private void Restart()
    {
        var capacity = _store.Disk.Capacity;
        _store.Restart(capacity: capacity);
    }
}
