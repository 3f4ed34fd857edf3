namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>Faults of a node's disk and wall clock.</summary>
internal sealed class MachineFaults(RealCluster cluster, Random random)
{
    /// <summary>Injects one, which stays until the machine is healed; false if it cannot be done.</summary>
    public bool TryApply(Fault fault, RealNode leader)
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

    private static void Fail(RealNode node)
    {
        node.Machine!.ForgetErrors();
        node.DiskFails = node.IsDiskBad = true;
        node.Process?.ExpectEnd(true);
    }
}
