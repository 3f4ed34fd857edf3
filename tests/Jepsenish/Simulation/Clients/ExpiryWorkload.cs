using System.Globalization;
using RaftKv.Tests.Jepsenish.Histories;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Clients;

/// <summary>Keys with a time to live, each written once: none goes before its time, by the true clock, unless a clock was set; all go in the end.</summary>
internal sealed class ExpiryWorkload(Cluster cluster) : IWorkload
{
    private readonly List<(uint Group, string Key, long Until)> _written = [];
    private long _keys;

    /// <inheritdoc/>
    public async Task StepAsync(Client client)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"t{++_keys}");
        var life = client.Random.Time(5, 2000);
        var earliest = cluster.Scheduler.Now + (life * Millisecond);
        var reply = await client.AskAsync("SET", key, "here", "PX", life.ToString(CultureInfo.InvariantCulture));
        var outcome = Client.Judge(reply);
        cluster.History.Count("expiring", outcome);
        if (outcome != EventType.Fail)
            _written.Add((client.Group, key, earliest));
        if (outcome != EventType.Ok)
            return;
        await client.Sleep(client.Random.Time(0, life * Millisecond));
        var seen = await client.AskAsync("GET", key);
        if (seen is { IsNil: true } && cluster.Scheduler.Now < earliest && !cluster.ClocksWereSet)
            throw new SimulationViolationException($"{client.Name} was told that {key} was gone {SimulatedTime.Show(earliest - cluster.Scheduler.Now)} before its time of {life} ms");
    }

    /// <inheritdoc/>
    public async Task FinishAsync(Client client)
    {
        foreach (var (group, key, until) in _written)
        {
            if (group != client.Group || until + (5 * Second) > cluster.Scheduler.Now || cluster.ClocksWereSet || !client.Random.Chance(200))
                continue;
            if (await client.AskAsync("GET", key) is { IsError: false, IsNil: false })
                throw new SimulationViolationException($"{key} in group {group} is still there {SimulatedTime.Show(cluster.Scheduler.Now - until)} after its time");
        }
    }

    /// <inheritdoc/>
    public void Check()
    {
        // Each look was checked when it came.
    }
}
