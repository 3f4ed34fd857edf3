using RaftKv.Engine;
using RaftKv.Engine.Io;
using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Log;
using RaftKv.Engine.Wal.Write;
using Xunit;

namespace RaftKv.Tests.Unit.Wal;

public sealed class WriteAheadLogTests : WalFixture
{
    [Fact]
    public void Entries_hard_state_and_start_come_back()
    {
        var log = Open();
        log.Write(Entries(3, 1, 5));
        log.Write(HardState(3, 7, 2));
        log.Write(Entries(3, 6, 8, term: 7));
        log.Write(Start(3, 2, 1));
        var group = Open().Recovery.Groups[3];
        Assert.Equal((7UL, 2UL, 2UL, 1UL, 8UL), (group.Term, group.Vote, group.StartIndex, group.StartTerm, group.LastIndex));
        Assert.Equal([new TermRun(3, 1), new TermRun(6, 7)], group.Terms);
    }

    [Fact]
    public void An_entry_replaces_everything_at_or_after_its_index()
    {
        var log = Open();
        log.Write(Entries(1, 1, 9));
        log.Write(Entries(1, 4, 5, term: 2));
        var again = Open();
        Assert.Equal(5UL, again.Recovery.Groups[1].LastIndex);
        Assert.Equal([1UL, 1UL, 1UL, 2UL, 2UL], Read(again, 1, 1, 5).Select(e => e.Term));
        Assert.Equal(Payload(1, 4, 2, 10), Read(again, 1, 4, 4)[0].Payload.ToArray());
    }

    [Fact]
    public void A_start_keeps_later_entries_unless_its_term_conflicts_or_lies_beyond_the_end()
    {
        var log = Open();
        log.Write(Entries(1, 1, 5));
        log.Write(Entries(2, 1, 5));
        log.Write(Entries(3, 1, 5));
        log.Write(Start(1, 3, 1));
        log.Write(Start(2, 3, 9));
        log.Write(Start(3, 30, 1));
        var groups = Open().Recovery.Groups;
        Assert.Equal((3UL, 5UL), (groups[1].StartIndex, groups[1].LastIndex));
        Assert.Equal((3UL, 3UL), (groups[2].StartIndex, groups[2].LastIndex));
        Assert.Equal((30UL, 30UL), (groups[3].StartIndex, groups[3].LastIndex));
    }

    [Fact]
    public void A_start_sees_the_entries_before_it_in_its_own_batch()
    {
        var log = Open();
        var batch = Entries(1, 1, 5);
        batch.SetStart(1, 4, 1);
        batch.AppendEntry(1, 6, 2, 0, 0, [1]);
        log.Write(batch);
        var group = Open().Recovery.Groups[1];
        Assert.Equal((4UL, 6UL), (group.StartIndex, group.LastIndex));
    }

    [Fact]
    public void A_removed_group_is_gone_and_may_begin_again()
    {
        var log = Open();
        log.Write(Entries(1, 1, 5));
        var batch = new WalBatch();
        batch.RemoveGroup(1);
        log.Write(batch);
        Assert.Empty(Open().Recovery.Groups);
        log = Open();
        log.Write(Entries(1, 1, 2, term: 4));
        Assert.Equal([new TermRun(1, 4)], Open().Recovery.Groups[1].Terms);
    }

    [Fact]
    public void Batches_written_together_cost_one_sync()
    {
        var log = Open();
        var syncs = Files.Syncs;
        Assert.Equal(3, log.Write([Entries(1, 1, 2), Entries(2, 1, 2), HardState(3, 1, 1)]));
        Assert.Equal(syncs + 1, Files.Syncs);
        Assert.Equal(3, Open().Recovery.Groups.Count);
    }

    [Fact]
    public void A_batch_larger_than_a_segment_gets_one_of_its_own_size()
    {
        var log = Open();
        log.Write(Entries(1, 1, 2));
        log.Write(Entries(1, 3, 3, size: 100_000));
        log.Write(Entries(1, 4, 4));
        log = Open();
        Assert.Equal(Payload(1, 3, 1, 100_000), Read(log, 1, 3, 3)[0].Payload.ToArray());
        Assert.Equal(4UL, log.Recovery.Groups[1].LastIndex);
    }

    [Fact]
    public void Reading_stops_at_the_byte_limit_but_gives_one_entry_at_least()
    {
        var log = Open();
        log.Write(Entries(1, 1, 9, size: 100));
        Assert.Equal([1UL], Read(log, 1, 1, 9, maxBytes: 1).Select(e => e.Index));
        Assert.Equal([2UL, 3UL, 4UL], Read(log, 1, 2, 9, maxBytes: 300).Select(e => e.Index));
        Assert.Throws<ArgumentOutOfRangeException>(() => Read(log, 1, 9, 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => Read(log, 5, 1, 1));
    }

    [Fact]
    public void A_gap_between_entries_is_a_bug_and_reaches_no_disk()
    {
        var log = Open();
        log.Write(Entries(1, 1, 3));
        Assert.Throws<InvariantViolationException>(() => log.Write(Entries(1, 5, 5)));
        Assert.Equal(3UL, Open().Recovery.Groups[1].LastIndex);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_failed_write_or_sync_ends_the_log(bool sync)
    {
        var log = Open();
        log.Write(Entries(1, 1, 3));
        if (sync)
            Files.FailSync(1);
        else
            Files.FailWrite(1, new DiskFullException("No space for an overwrite: a disk that copies on write."));
        Assert.Throws<WalFailedException>(() => log.Write(Entries(1, 4, 4)));
        Assert.True(log.Failed);
        Assert.Throws<WalFailedException>(() => log.Write(Entries(1, 4, 4)));
        Assert.Throws<WalFailedException>(() => log.Seal());
        Assert.Equal(3, Read(log, 1, 1, 3).Count);
    }

    [Fact]
    public void A_full_disk_refuses_entries_takes_votes_and_heals()
    {
        var log = Open();
        while (log.PrepareSegments())
        {
        }

        Files.Capacity = Files.Used;
        ulong last = 0;
        Assert.Throws<DiskFullException>(() =>
        {
            while (last < 10_000)
            {
                log.Write(Entries(1, last + 1, last + 1, size: 3000));
                last++;
            }
        });
        Assert.False(log.Failed);
        Assert.Equal(1, log.Statistics.SpareSegments);
        for (ulong term = 1; term < 20; term++)
            log.Write(HardState(1, term, 1));
        Assert.Throws<DiskFullException>(() => log.Write(Entries(1, last + 1, last + 1, size: 14000)));
        // The state moves on, the start with it, and the segments that come free make room.
        log.Write(Start(1, last, 1));
        log.Seal();
        while (log.PrepareSegments())
        {
        }

        log.Write(Entries(1, last + 1, last + 1, size: 3000));
        var group = Open().Recovery.Groups[1];
        Assert.Equal((19UL, last, last + 1), (group.Term, group.StartIndex, group.LastIndex));
    }

    [Fact]
    public void Data_of_another_cluster_node_or_format_is_refused()
    {
        Open().Write(Entries(1, 1, 1));
        Assert.Contains("cluster", Assert.Throws<ForeignDataException>(() => Open(identity: Identity with { Cluster = Guid.Empty })).Message, StringComparison.Ordinal);
        Assert.Contains("node", Assert.Throws<ForeignDataException>(() => Open(identity: Identity with { Node = 9 })).Message, StringComparison.Ordinal);

        // The header's place, check and version are the same in every format.
        var head = Files.ReadAll(SegmentPath(1))[..SegmentHeader.Size];
        head[8] = 2;
        BitConverter.TryWriteBytes(head.AsSpan(48), Crc32C.Compute(head.AsSpan(0, 48)));
        for (var i = 0; i < 64; i++)
            Files.Corrupt(SegmentPath(1), i, _ => head[i]);
        Assert.Throws<UnsupportedFormatException>(() => Open());
    }

    [Fact]
    public void An_empty_directory_is_refused_where_a_log_must_be()
    {
        Assert.Throws<WalDamagedException>(() => Open(Options with { CreateIfMissing = false }));
        Files.CreateDirectory(Home);
        Assert.Throws<WalDamagedException>(() => Open(Options with { CreateIfMissing = false }));
        Assert.Empty(Open().Recovery.Groups);
    }

    [Fact]
    public void Writing_allocates_nothing_in_steady_state()
    {
        var home = Directory.CreateTempSubdirectory("raftkv-wal-");
        try
        {
            using var log = WriteAheadLog.Open(new PhysicalFileSystem(), Path.Combine(home.FullName, "wal"), new WalOptions { FirstSegmentSize = 4 << 20 }, Identity);
            var payload = new byte[100];
            var batch = new WalBatch();
            var batches = new[] { batch };
            void Round(ulong index)
            {
                batch.Clear();
                batch.AppendEntry(1, 1 + (index % 8), 1 + (index / 8), 0, 0, payload);
                log.Write(batches);
            }

            for (ulong i = 0; i < 40; i++)
                Round(i);
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (ulong i = 40; i < 140; i++)
                Round(i);
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        finally
        {
            home.Delete(recursive: true);
        }
    }
}
