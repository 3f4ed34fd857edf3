using RaftKv.Engine.Wal;
using RaftKv.Tests.Harness;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Harness.Wal;
using Xunit;

namespace RaftKv.Tests.Properties.Wal;

/// <summary>
/// Power cuts, ends of the process and failed syncs at any device operation: what was acknowledged is there, what was not is there whole or not at all, and in order.
/// Replay one case with RAFTKV_SEED.
/// </summary>
public sealed class LogCrashes
{
    internal static readonly WalIdentity Identity = new(new Guid("6f1c2a52-7a3e-4f6a-9d5c-2b1f0e8d4c3b"), 2);

    [Fact]
    public void What_was_acknowledged_survives_any_power_cut_and_the_rest_is_whole_or_absent()
    {
        foreach (var seed in CaseCount.Seeds(40))
        {
            try
            {
                RunLife(seed);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"RAFTKV_SEED={seed}: {e.Message}", e);
            }
        }
    }

    [Fact]
    public void A_short_life_survives_a_power_cut_at_each_of_its_operations()
    {
        for (long at = 1; ; at++)
        {
            for (ulong loss = 0; loss < 3; loss++)
            {
                try
                {
                    var files = new SimulatedFileSystem("/node");
                    files.CrashAtOperation(at);
                    var life = new LogLife(files, new SeededRandom(7), Options(8192));
                    if (life.Run(15))
                        return;
                    life.PowerCut(loss);
                    life.Run(5);
                }
                catch (Exception e)
                {
                    throw new InvalidOperationException($"crash at operation {at}, loss {loss}: {e.Message}", e);
                }
            }
        }
    }

    /// <summary>A sync fails and ends the process; the next ones, in as many lives as fit, find what they find in the page cache; then the power fails.</summary>
    [Fact]
    public void What_a_process_recovers_after_a_failed_sync_is_there_after_a_power_cut()
    {
        for (var failing = 1; failing <= 40; failing++)
        {
            for (ulong loss = 0; loss < 4; loss++)
            {
                try
                {
                    var files = new SimulatedFileSystem("/node");
                    files.FailSync(failing);
                    var life = new LogLife(files, new SeededRandom(11), Options(8192));
                    life.Run(25);
                    life.Kill(loss);
                    life.Run((int)loss % 2);
                    life.PowerCut(loss);
                    life.Run(5);
                }
                catch (Exception e)
                {
                    throw new InvalidOperationException($"sync {failing} fails, loss {loss}: {e.Message}", e);
                }
            }
        }
    }

    private static void RunLife(ulong seed)
    {
        var random = new SeededRandom(seed);
        var life = new LogLife(new SimulatedFileSystem("/node"), random, Options(random.Chance(500) ? 8192 : 16384));
        for (var round = 0; round < 6; round++)
        {
            if (random.Chance(900))
                life.Files.CrashAtOperation(life.Files.Operations + 1 + random.Below(400));
            if (random.Chance(300))
                life.Files.FailSync(random.Between(1, 60));
            life.Run(random.Between(1, 120));
            if (random.Chance(500))
                life.Kill(random.Next());
            else
                life.PowerCut(random.Next());
        }

        life.Run(20);
    }

    internal static WalOptions Options(int segment) => new() { SegmentSize = segment, FirstSegmentSize = 8192, RewriteAboveBytes = 0, StepBytes = 4096, MaxFrameBytes = 4096 };
}
