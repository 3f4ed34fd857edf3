using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Index;
using RaftKv.Engine.Wal.Write;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Wal;

public sealed class LogDamageTests : WalFixture
{
    private const long FirstFrame = SegmentHeader.Size;

    [Fact]
    public void A_torn_tail_is_cut_and_never_comes_back()
    {
        var log = Open();
        log.Write(Entries(1, 1, 2));
        // Two sectors of batch 2 and all of nothing else: its head is missing.
        log.Write(Entries(1, 3, 3, size: 1400));
        Erase(FirstFrame + 512, 512);
        var again = Open();
        Assert.Equal(2UL, again.Recovery.Groups[1].LastIndex);
        Assert.Equal(3 * 512, again.Recovery.TornBytes);
        again.Write(Entries(1, 3, 3, term: 5));
        var last = Open().Recovery;
        Assert.Equal([new TermRun(1, 1), new TermRun(3, 5)], last.Groups[1].Terms);
        Assert.Equal(0, last.TornBytes);
    }

    [Fact]
    public void Damage_before_the_tail_is_refused_and_changes_nothing()
    {
        var log = Open();
        log.Write(Entries(1, 1, 2));
        log.Write(Entries(1, 3, 4));
        log.Write(Entries(2, 1, 1));
        Erase(FirstFrame + 512, 512);
        var before = Files.ReadAll(SegmentPath(1));
        var e = Assert.Throws<WalDamagedException>(() => Open());
        Assert.Equal((1UL, FirstFrame + 512), (e.Segment, e.Offset));
        Assert.Contains("batch 2", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, Files.ReadAll(SegmentPath(1)));
    }

    [Fact]
    public void A_last_batch_that_was_written_whole_and_is_wrong_is_damage_even_with_nothing_behind_it()
    {
        var log = Open();
        log.Write(Entries(1, 1, 2));
        log.Write(Entries(1, 3, 3, size: 1400));
        Files.FlipBit(SegmentPath(1), (FirstFrame + 512 + 700) * 8);
        Assert.Throws<WalDamagedException>(() => Open());
    }

    [Fact]
    public void A_seal_makes_any_loss_of_the_last_batch_visible()
    {
        var log = Open();
        log.Write(Entries(1, 1, 2));
        Assert.True(log.Seal());
        Assert.False(log.Seal());
        Erase(FirstFrame, 512);
        Assert.Throws<WalDamagedException>(() => Open());
    }

    /// <summary>No entry is missing then: only the first segment that the last frame says is needed tells of it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_missing_first_segment_is_damage_although_it_held_only_a_vote_or_a_start(bool vote)
    {
        var log = Open();
        log.Write(vote ? HardState(1, 5, 2) : Start(1, 10, 3));
        log.Seal();
        for (ulong i = 1; i <= 8; i++)
        {
            log.Write(Entries(2, i, i, size: 6000));
            while (log.PrepareSegments())
            {
            }
        }

        log.Write(Start(2, 7, 1));
        log.Seal();
        Assert.Contains(SegmentHeader.FileName(1), Files.List(Home));
        Assert.Contains(SegmentHeader.FileName(3), Files.List(Home));
        Assert.Equal((5UL, 2UL), (vote ? Open().Recovery.Groups[1].Term : 5, vote ? Open().Recovery.Groups[1].Vote : 2));
        // Entries of the other group stand in the first one too; they are not needed any more.
        Files.Drop(SegmentPath(1));
        var e = Assert.Throws<WalDamagedException>(() => Open());
        Assert.Contains("segments 1 to 1 are missing", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_segment_is_damage_and_a_missing_spare_is_not()
    {
        Fill();
        var segments = Files.List(Home).Count;
        Assert.True(segments >= 6);
        for (var i = 1; i <= segments; i++)
        {
            Files.Drop(SegmentPath((ulong)i));
            if (i == segments)
                Assert.Equal(19UL, Open().Recovery.Groups[1].LastIndex);
            else
                Assert.Throws<WalDamagedException>(() => Open());
            Fill();
        }
        void Fill()
        {
            Files = new SimulatedFileSystem();
            var fresh = Open();
            for (ulong i = 1; i < 20; i++)
                fresh.Write(Entries(1, i, i, size: 3000));
            while (fresh.PrepareSegments())
            {
            }
        }
    }

    [Fact]
    public void Reading_a_damaged_entry_names_it_and_spares_the_others()
    {
        var log = Open();
        log.Write(Entries(7, 1, 3));
        Files.FlipBit(SegmentPath(1), (FirstFrame + FrameHeader.Size + WalRecord.SizeOf(10) + WalRecord.HeadSize + 3) * 8);
        var e = Assert.Throws<WalDamagedException>(() => Read(log, 7, 1, 3));
        Assert.Equal((1UL, 7u), (e.Segment, e.Group!.Value));
        Assert.Single(Read(log, 7, 1, 1));
        Assert.Single(Read(log, 7, 3, 3));
    }

    [Fact]
    public void With_repair_a_damaged_log_opens_stays_marked_and_sheds_the_damage_when_its_groups_are_received_again()
    {
        var log = Open();
        log.Write(Entries(1, 1, 2));
        log.Write(Entries(1, 3, 4));
        log.Write(Entries(1, 5, 6));
        log.Write(Entries(2, 1, 1));
        Erase(FirstFrame + 512, 512);
        var repair = Options with { RepairFromPeers = true };
        log = Open(repair);
        Assert.Single(log.Recovery.Damage);
        Assert.Equal([1u], log.Recovery.CertainlyDamagedGroups);
        Assert.Equal(2UL, log.Recovery.Groups[1].LastIndex);
        Assert.Throws<WalDamagedException>(() => Open());

        log = Open(repair);
        var batch = new WalBatch();
        batch.RemoveGroup(1);
        batch.SetHardState(1, 9, 0);
        batch.SetStart(1, 50, 8);
        log.Write(batch);
        while (log.Compact())
        {
        }

        var groups = Open().Recovery.Groups;
        Assert.Equal((50UL, 50UL, 9UL), (groups[1].StartIndex, groups[1].LastIndex, groups[1].Term));
        Assert.Equal(1UL, groups[2].LastIndex);
    }

    [Fact]
    public void Bytes_of_an_earlier_life_of_a_file_are_never_taken_for_new()
    {
        var log = Open();
        for (ulong i = 1; i < 6; i++)
            log.Write(Entries(1, i, i));
        // The frames of segment 1, whole and intact, as segment 2 might still hold them had it been reused without care; and as a client's value.
        var stale = Files.ReadAll(SegmentPath(1)).AsSpan((int)FirstFrame, 5 * 512).ToArray();
        while (log.PrepareSegments())
        {
        }

        for (var i = 0; i < stale.Length; i++)
            Files.Corrupt(SegmentPath(2), FirstFrame + 512 + i, _ => stale[i]);
        var value = new WalBatch();
        value.AppendEntry(1, 6, 1, 0, 0, stale);
        log.Write(value);
        var again = Open();
        Assert.Equal(6UL, again.Recovery.Groups[1].LastIndex);
        Assert.Equal(512 + stale.Length, again.Recovery.TornBytes);
        Assert.DoesNotContain(Files.ReadAll(SegmentPath(2))[(int)FirstFrame..], b => b != 0);
    }

    private void Erase(long offset, int count)
    {
        for (var i = 0; i < count; i++)
            Files.Corrupt(SegmentPath(1), offset + i, _ => 0);
    }
}
