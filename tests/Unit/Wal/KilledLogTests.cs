using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Log;
using Xunit;

namespace RaftKv.Tests.Unit.Wal;

/// <summary>
/// A process is killed: what it wrote is in the page cache, and the next one reads it there. That is no proof that it is on the disk. What the next process recovers it promises,
/// so a power cut later must not take it away.
/// </summary>
public sealed class KilledLogTests : WalFixture
{
    [Fact]
    public void A_batch_that_was_never_synced_is_durable_once_it_was_recovered()
    {
        var log = Open();
        log.Write(Entries(1, 1, 2));
        Files.FailSync(1);
        Assert.Throws<WalFailedException>(() => log.Write(Entries(1, 3, 4, size: 1400)));
        // The process that recovers it may acknowledge it, vote with it, and write nothing.
        Assert.Equal(4UL, Open().Recovery.Groups[1].LastIndex);
        AfterEachPowerCut(recovered => Assert.Equal(4UL, recovered.Recovery.Groups[1].LastIndex));
    }

    /// <summary>The zeros over a torn batch are only in the page cache when their sync fails; the next process reads zeros there, and must not take the disk for clean.</summary>
    [Fact]
    public void The_remains_of_a_torn_batch_stay_cut_off_although_the_sync_of_the_cut_failed()
    {
        const int FirstFrameEnd = SegmentHeader.Size + 512;
        for (var failing = 1; failing <= 8; failing++)
        {
            for (var seed = 1UL; seed <= 4; seed++)
            {
                Files = new("/node");
                Open().Write(Entries(1, 1, 2));
                using (var segment = Files.Open(SegmentPath(1), Engine.Io.OpenMode.Existing))
                {
                    segment.Write(FirstFrameEnd + 512, Payload(1, 1, 1, 1500));
                    segment.SyncData();
                }

                Files.FailSync(failing);
                if (Record.Exception(() => Open()) is not { } failure)
                    continue;
                Assert.IsType<IOException>(failure);
                Files = Files.Kill(seed);
                Open().Write(Entries(1, 3, 3));
                AfterEachPowerCut(recovered => Assert.Equal(3UL, recovered.Recovery.Groups[1].LastIndex));
            }
        }
    }

    [Fact]
    public void A_segment_whose_name_was_never_synced_is_durable_once_the_next_process_writes_into_it()
    {
        var operations = Files.Operations;
        Fill(Open(), 1, 12);
        operations = Files.Operations - operations;
        Assert.InRange(operations, 30, 300);
        for (var killedAt = 1; killedAt <= operations; killedAt++)
        {
            Files = new("/node");
            Files.FailAtOperation(killedAt, (kind, path) => new IOException($"killed at a {kind} of {path}"));
            try
            {
                Fill(Open(), 1, 12);
            }
            catch (Exception e) when (e is WalFailedException or IOException)
            {
                // The end of the first process.
            }

            var log = Open();
            var last = log.Recovery.Groups.TryGetValue(1, out var group) ? group.LastIndex : 0;
            // Before anything is prepared: preparing a segment syncs the directory and would hide what is missing.
            log.Write(Entries(1, last + 1, last + 1));
            AfterEachPowerCut(recovered => Assert.True(
                recovered.Recovery.Groups.GetValueOrDefault(1u)?.LastIndex == last + 1,
                $"killed at operation {killedAt}: entries up to {last + 1} were durable, {recovered.Recovery.Groups.GetValueOrDefault(1u)?.LastIndex ?? 0} is the last one after the power cut"));
        }
    }

    [Fact]
    public void The_directories_that_a_killed_process_made_are_durable_once_the_log_is_opened()
    {
        Open();
        var synced = new List<string>();
        for (var i = Files.Operations + 1; i < Files.Operations + 20; i++)
        {
            Files.FailAtOperation(i, (kind, path) =>
            {
                if (kind == Harness.Io.DeviceOperation.Sync)
                    synced.Add(path);
                return null;
            });
        }

        Open();
        Assert.Contains(Home, synced);
        Assert.Contains(Path.GetDirectoryName(Home)!, synced);
    }

    /// <summary>Writes entries large enough that segments come and go: what stands behind is no longer needed.</summary>
    private static void Fill(WriteAheadLog log, ulong from, ulong through)
    {
        for (var i = from; i <= through; i++)
        {
            log.Write(Entries(1, i, i, size: 6000));
            while (log.PrepareSegments())
            {
            }

            if (i > 3)
                log.Write(Start(1, i - 3, 1));
        }
    }

    private void AfterEachPowerCut(Action<WriteAheadLog> check)
    {
        var before = Files;
        for (var seed = 1UL; seed <= 12; seed++)
        {
            Files = before.Crash(seed);
            check(Open());
        }
    }
}
