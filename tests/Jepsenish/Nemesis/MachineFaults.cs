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
            default:
                throw new ArgumentOutOfRangeException(nameof(fault));
        }
        return true;
    }

    /// <summary>Writes until the logs need new files; what becomes of each write is its own business.</summary>
    private static async Task FillAsync(RealNode through)
    {
        using var client = await RespClient.TryConnectAsync(through.RespPort, TimeSpan.FromSeconds(1));
        var value = new string('f', FillerBytes);
        for (var i = 0; client is not null && i < FillerWrites; i++)
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
