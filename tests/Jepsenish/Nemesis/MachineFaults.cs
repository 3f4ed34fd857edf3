using RaftKv.Tests.Jepsenish.Workloads;

namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>Faults of a node's disk and wall clock.</summary>
internal sealed class MachineFaults(RealCluster cluster, Random random)
{
    // More than the space that a log has prepared: with less, a disk without space is never noticed.
    private const int FillerWrites = 200;
    private const int FillerBytes = 64 << 10;

    /// <summary>Injects one, which stays until the machine is healed; false if it cannot be done.</summary>
    public async Task<bool> TryApplyAsync(Fault fault, RealNode leader)
    {
        if (!cluster.HasMachine)
            return false;
        var node = random.Next(2) == 0 ? leader : cluster.Nodes[random.Next(cluster.Nodes.Count)];
        switch (fault)
        {
            case Fault.SlowDisk:
                node.Machine!.SetSync(DiskMode.Good, TimeSpan.FromMilliseconds(random.Next(5, 300)));
                break;
            case Fault.HungDisk:
                leader.Machine!.SetSync(DiskMode.Hang);
                leader.Machine.SetWrite(DiskMode.Hang);
                leader.IsDiskBad = true;
                break;
            case Fault.SyncError:
                Fail(node);
                node.Machine!.SetSync(DiskMode.Error);
                break;
            case Fault.WriteError:
                Fail(node);
                node.Machine!.SetWrite(DiskMode.Error);
                break;
            case Fault.FullDisk:
                node.Machine!.SetWrite(DiskMode.Full);
                await FillAsync(cluster.Nodes[random.Next(cluster.Nodes.Count)]);
                break;
            case Fault.ClockJump:
                foreach (var each in cluster.Nodes)
                    each.Machine!.SetClock(TimeSpan.FromSeconds(random.Next(-86_400, 86_400) * Math.Pow(random.NextDouble(), 3)));
                break;
            case Fault.ClockStepOne:
                node.Machine!.SetClock(Step());
                break;
            case Fault.ClockStepAll:
                var step = Step();
                foreach (var each in cluster.Nodes)
                    each.Machine!.SetClock(step);
                break;
            case Fault.SyncErrorRestarts:
                await FailSyncsOfRestartsAsync(node);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault));
        }
        return true;
    }

    /// <summary>
    /// What a failed sync left in the page cache is all that the next process has to believe: it must not believe it before a sync of its own says so. Here that fails too, and so it ends again.
    /// </summary>
    private async Task FailSyncsOfRestartsAsync(RealNode node)
    {
        Fail(node);
        node.Machine!.SetSync(DiskMode.Error);
        for (var i = 0; i < 2 && node.Process is { IsPaused: false } process; i++)
        {
            await FillAsync(node, writes: 1);
            // A node without anything to sync goes on; the healing knows whether it was given an error.
            if (!await process.WaitAsync(TimeSpan.FromSeconds(2)))
                return;
            cluster.Start(node);
            Fail(node);
            await RealTime.Pass(TimeSpan.FromMilliseconds(random.Next(500)));
        }
    }

    private TimeSpan Step() => TimeSpan.FromSeconds((random.Next(2) == 0 ? -1 : 1) * 86_400 * Math.Pow(random.NextDouble(), 3));

    /// <summary>Writes until the logs need new files; what becomes of each write is its own business.</summary>
    private static async Task FillAsync(RealNode through, int writes = FillerWrites)
    {
        using var client = await RespClient.TryConnectAsync(through.RespPort, TimeSpan.FromSeconds(1));
        var value = new string('f', FillerBytes);
        for (var i = 0; client is not null && i < writes; i++)
        {
            if (await Worker.TryAsync(client, "SET", $"filler-{i % 8}", value) is not { IsError: false })
                return;
        }
    }

    private static void Fail(RealNode node)
    {
        node.Machine!.ForgetErrors();
        node.DiskFails = node.IsDiskBad = true;
        node.Process?.ExpectEnd(true);
    }
}
