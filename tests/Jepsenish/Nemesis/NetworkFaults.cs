namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>Faults of the links between nodes.</summary>
internal sealed class NetworkFaults(RealCluster cluster, Random random)
{
    /// <summary>Injects one, which stays until the network is healed; false if the cluster has no network of ours.</summary>
    public bool TryApply(Fault fault, RealNode leader)
    {
        if (cluster.Network is not { } network)
            return false;
        var node = random.Next(1, cluster.Nodes.Count + 1);
        switch (fault)
        {
            case Fault.IsolateLeader:
                Stall(network.Around(cluster.NumberOf(leader)));
                break;
            case Fault.IsolateAny:
                Stall(network.Around(node));
                break;
            case Fault.OneWay:
                var deaf = random.Next(2) == 0;
                if (random.Next(2) == 0)
                    node = cluster.NumberOf(leader);
                Stall(network.Links.Where(l => (deaf ? l.To : l.From) == node));
                break;
            case Fault.Bridge:
                var other = 1 + (node % cluster.Nodes.Count);
                Stall([network.Between(node, other), network.Between(other, node)]);
                break;
            case Fault.Shatter:
                Stall(network.Links);
                break;
            case Fault.CutOff:
                network.Cut(network.Around(random.Next(2) == 0 ? node : cluster.NumberOf(leader)));
                break;
            case Fault.HalfOpen:
                network.Freeze(network.Around(node));
                break;
            case Fault.SlowLinks:
                var delay = random.Next(10, 400);
                Each(network.Around(node), l => l.DelayMilliseconds = delay);
                break;
            case Fault.Loss:
                var loss = random.Next(10, 300);
                Each(network.Links, l => l.LossPerMille = loss);
                break;
            case Fault.NarrowLinks:
                var bytes = random.Next(2_000, 200_000);
                Each(network.Around(node), l => l.BytesPerSecond = bytes);
                break;
            case Fault.Corruption:
                Each(network.Links, l => l.Corrupt(random.Next(1, 6)));
                break;
            case Fault.Truncation:
                Each(network.Links, l => l.Truncate(random.Next(1, 6)));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault));
        }
        return true;
    }

    private static void Stall(IEnumerable<Link> links) => Each(links, l => l.Stalled = true);

    private static void Each(IEnumerable<Link> links, Action<Link> action)
    {
        foreach (var link in links)
            action(link);
    }
}
