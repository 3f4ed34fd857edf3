using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Log;
using RaftKv.Engine.Wal.Write;
using Xunit;

namespace RaftKv.Tests.Unit.Wal;

public sealed class LogCompactionTests : WalFixture
{
    [Fact]
    public void One_slow_group_and_many_idle_ones_can_not_pin_the_disk()
    {
        var log = Open();
        for (uint idle = 10; idle < 20; idle++)
            log.Write(HardState(idle, 3, 1));
        log.Write(Entries(2, 1, 20, size: 200));
        for (ulong i = 1; i <= 600; i++)
        {
            log.Write(Entries(1, i, i, size: 900));
            log.Write(Start(1, i, 1));
            while (log.Compact())
            {
            }

            log.PrepareSegments();
            log.Index.CheckCounts();
        }

        Assert.InRange(log.Statistics.Segments, 1, 6);
        Assert.InRange(Files.List(Home).Count, 1, 10);
        Assert.True(log.Statistics.RewrittenBytes < log.Statistics.Bytes / 2);
        var again = Open();
        Assert.Equal(12, again.Recovery.Groups.Count);
        Assert.Equal(3UL, again.Recovery.Groups[15].Term);
        Assert.Equal(Payload(2, 7, 1, 200), Read(again, 2, 7, 7)[0].Payload.ToArray());
    }

    [Fact]
    public void Copies_of_an_entry_do_not_bring_back_what_replaced_it()
    {
        var log = Open();
        log.Write(Entries(1, 1, 9, size: 100));
        Push(log, 2);
        var copies = new WalBatch();
        Assert.True(log.CollectPinned(long.MaxValue, copies));
        log.Write(copies);
        log.Write(Entries(1, 4, 4, term: 2));
        Push(log, 2);
        log.Seal();
        Assert.True(log.Index.Segments[0].Number > 1);
        var again = Open();
        Assert.Equal([new TermRun(1, 1), new TermRun(4, 2)], again.Recovery.Groups[1].Terms);
    }

    [Fact]
    public void Copies_are_refused_when_anything_was_written_since_they_were_taken()
    {
        var log = Open();
        log.Write(Entries(1, 1, 9, size: 100));
        Push(log, 2);
        var copies = new WalBatch();
        Assert.True(log.CollectPinned(long.MaxValue, copies));
        log.Write(Entries(1, 4, 4, term: 2));
        Assert.Throws<Engine.InvariantViolationException>(() => log.Write(copies));
    }

    [Fact]
    public void Segments_that_are_no_longer_needed_are_zeroed_and_used_again()
    {
        var log = Open();
        for (ulong i = 1; i <= 40; i++)
        {
            log.Write(Entries(1, i, i, size: 3000));
            log.Write(Start(1, i, 1));
            log.PrepareSegments();
        }

        log.Seal();
        while (log.PrepareSegments())
        {
        }

        var names = Files.List(Home);
        Assert.Equal(log.Statistics.Segments + 2, names.Count);
        foreach (var spare in names.Skip(log.Statistics.Segments))
            Assert.DoesNotContain(Files.ReadAll(Path.Combine(Home, spare))[SegmentHeader.Size..], b => b != 0);
        Assert.Equal(40UL, Open().Recovery.Groups[1].StartIndex);
    }

    [Fact]
    public void A_segment_is_not_reused_under_a_reader()
    {
        var log = Open();
        log.Write(Entries(1, 1, 1, size: 3000));
        var first = log.Index.Segments[0];
        first.Pins++;
        for (ulong i = 2; i <= 12; i++)
            log.Write(Entries(1, i, i, size: 3000));
        log.Write(Start(1, 12, 1));
        log.Seal();
        while (log.PrepareSegments())
        {
        }

        Assert.True(Files.FileExists(first.Path));
        first.Pins--;
        while (log.PrepareSegments())
        {
        }

        Assert.False(Files.FileExists(first.Path));
    }

    /// <summary>Fills segments with what does not stay.</summary>
    private static void Push(WriteAheadLog log, int segments)
    {
        var until = log.Index.Segments[^1].Number + (ulong)segments;
        var last = log.Index.TryGet(99, out var group) ? group.Last : 0;
        while (log.Index.Segments[^1].Number < until)
        {
            log.Write(Entries(99, last + 1, last + 1, size: 3000));
            log.Write(Start(99, ++last, 1));
        }
    }
}
