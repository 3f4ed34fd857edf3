using System.Globalization;
using RaftKv.Tests.Jepsenish.Histories;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Clients;

/// <summary>
/// Keys with a time to live, each written once, and one lock for each group: none goes before its time by the true clock, whatever the wall clocks show, but for what
/// <see cref="Oracles.WallTime"/> allows; all go in the end; no lock is granted twice within its time to live.
/// </summary>
internal sealed class ExpiryWorkload(Cluster cluster) : IWorkload
{
    /// <summary>All keys with a life of at most this are gone that long, and a little, after everything was mended.</summary>
    public const long LongestShortLife = 2 * Second;

    private const long LongestLife = 100 * Second;
    private const long MostUsualDelay = 5 * Second;

    private readonly List<(uint Group, string Key, long Asked, long Life, bool IsSure)> _written = [];
    private readonly List<(uint Group, string Who, long Asked, long Done, long Life)> _grants = [];
    private long _keys;

    /// <inheritdoc/>
    public Task StepAsync(Client client) => client.Random.Chance(300) ? LockAsync(client) : WriteAsync(client);

    /// <inheritdoc/>
    public async Task FinishAsync(Client client)
    {
        foreach (var (group, key, asked, life, isSure) in _written)
        {
            var isShort = life <= LongestShortLife;
            if (group != client.Group || !client.Random.Chance(isShort ? 200 : 700))
                continue;
            var seen = await client.AskAsync("GET", key);
            var now = cluster.Scheduler.Now;
            if (isShort && seen is { IsError: false, IsNil: false } && asked + life + MostUsualDelay < now)
                throw new SimulationViolationException($"{key} in group {group} is still there {Show(now - asked - life)} after its time");
            if (isSure && seen is { IsNil: true })
                SeenGone(client, key, asked, life);
        }
    }

    /// <inheritdoc/>
    public void Check()
    {
        // Each look was checked when it came.
    }

    private async Task WriteAsync(Client client)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"t{++_keys}");
        var life = (client.Random.Chance(800) ? client.Random.Time(5, LongestShortLife / Millisecond) : client.Random.Time(10_000, LongestLife / Millisecond)) * Millisecond;
        var asked = cluster.Scheduler.Now;
        var reply = await client.AskAsync(Command(client, key, life));
        var outcome = Client.Judge(reply);
        cluster.History.Count("expiring", outcome);
        if (outcome != EventType.Fail)
            _written.Add((client.Group, key, asked, life, outcome == EventType.Ok));
        if (outcome != EventType.Ok)
            return;
        await client.Sleep(client.Random.Time(0, Math.Min(life, LongestShortLife)));
        var left = await client.AskAsync("PTTL", key);
        if (left is { IsError: false, IsNil: false } && long.TryParse(left.Text, CultureInfo.InvariantCulture, out var milliseconds))
        {
            if (milliseconds > life / Millisecond)
                throw new SimulationViolationException($"{client.Name} was told that {key} has {milliseconds} ms to live, more than the {Show(life)} that it was given");
            if (milliseconds == -2)
                SeenGone(client, key, asked, life);
        }

        if (await client.AskAsync("GET", key) is { IsNil: true })
            SeenGone(client, key, asked, life);
    }

    private async Task LockAsync(Client client)
    {
        var life = client.Random.Time(100, LongestShortLife / Millisecond) * Millisecond;
        var asked = cluster.Scheduler.Now;
        var reply = await client.AskAsync("SET", "a lock", client.Name, "NX", "PX", Milliseconds(life));
        cluster.History.Count("locking", Client.Judge(reply));
        if (reply is not { IsError: false, IsNil: false })
            return;
        var done = cluster.Scheduler.Now;
        foreach (var other in _grants.Where(g => g.Group == client.Group))
        {
            // One of the two was first, and it had run out when the other was granted.
            if (done < cluster.WallTime.EarliestEnd(other.Asked, other.Life) && other.Done < cluster.WallTime.EarliestEnd(asked, life))
                throw new SimulationViolationException($"{client.Name} got the lock for {Show(life)}, asked for at {Show(asked)}, and {other.Who} for {Show(other.Life)}, asked for at {Show(other.Asked)}");
        }

        _grants.RemoveAll(g => g.Group == client.Group && g.Asked + (2 * g.Life) < asked);
        _grants.Add((client.Group, client.Name, asked, done, life));
    }

    private void SeenGone(Client client, string key, long asked, long life)
    {
        if (cluster.Scheduler.Now < cluster.WallTime.EarliestEnd(asked, life))
            throw new SimulationViolationException($"{client.Name} was told that {key} was gone {Show(asked + life - cluster.Scheduler.Now)} before its time of {Show(life)}");
    }

    /// <summary>One of the ways to say it.</summary>
    private static string[] Command(Client client, string key, long life) => client.Random.Below(3) switch
    {
        0 => ["PSETEX", key, Milliseconds(life), "here"],
        1 when life % Second == 0 => ["SET", key, "here", "EX", (life / Second).ToString(CultureInfo.InvariantCulture)],
        _ => ["SET", key, "here", "PX", Milliseconds(life)],
    };

    private static string Milliseconds(long life) => (life / Millisecond).ToString(CultureInfo.InvariantCulture);
}
