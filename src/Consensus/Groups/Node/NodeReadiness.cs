using RaftKv.Consensus.Groups.Shards;

namespace RaftKv.Consensus.Groups.Node;

/// <summary>
/// Whether a node serves linearizable reads and writes of every group that it has, sampled at intervals by one thread; the answer may be read from any.
/// </summary>
/// <remarks>
/// With hysteresis, so that neither an election nor a moment of load takes the node out of a load balancer: ready once nothing has been wrong for <see cref="SteadyFor"/>, not ready any more once something
/// has been wrong for <see cref="Tolerance"/> without interruption. A full disk, a group that halted, a stop and a failure count at once.
/// </remarks>
public sealed class NodeReadiness
{
    /// <summary>Nanoseconds without an impediment after which the node is ready: 250 ms.</summary>
    public const long SteadyFor = 250_000_000;

    /// <summary>Nanoseconds of impediments after which it is not ready any more: 500 ms, some more than an election takes.</summary>
    public const long Tolerance = 500_000_000;

    /// <summary>Nanoseconds for which an entry may wait to be applied: 1 s.</summary>
    public const long BehindFor = 1_000_000_000;

    /// <summary>Nanoseconds without a turn after which a shard hangs: 3 s; an idle one takes a turn each second.</summary>
    public const long HungFor = 3_000_000_000;

    private readonly Func<GroupDirectory> _groups;
    private readonly Func<string?> _stopReason;
    private volatile Answer _answer = new(false, "this node has not started yet", []);
    private long _wellSince = long.MaxValue;
    private long _illSince = long.MaxValue;

    internal NodeReadiness(Func<GroupDirectory> groups, Func<string?> stopReason) => (_groups, _stopReason) = (groups, stopReason);

    /// <summary>Whether it is.</summary>
    public bool IsReady => _answer.IsReady && _stopReason() is null;

    /// <summary>Why the node as a whole is not ready; null if it is, or if only the groups named are the reason.</summary>
    public string? Reason => _stopReason() ?? _answer.Reason;

    /// <summary>The groups that are not served; empty while the node is ready.</summary>
    public IReadOnlyList<GroupReadiness> Groups => _answer.Groups;

    /// <summary>Looks at everything; true if the answer is another one than before.</summary>
    /// <param name="now">Monotonic nanoseconds.</param>
    public bool Sample(long now)
    {
        var before = _answer;
        var groups = new List<GroupReadiness>();
        var atOnce = false;
        var directory = _groups();
        foreach (var view in directory.Views)
        {
            if (!directory.TryFind(view.Group, out var entry) || Impediment(entry, now, ref atOnce) is not { } impediment)
                continue;
            groups.Add(new GroupReadiness(view.Group, impediment));
        }

        if (groups.Count == 0)
            (_wellSince, _illSince) = (Math.Min(_wellSince, now), long.MaxValue);
        else
            (_wellSince, _illSince) = (long.MaxValue, Math.Min(_illSince, now));
        var ready = before.IsReady ? !atOnce && (_illSince == long.MaxValue || now - _illSince < Tolerance) : _wellSince != long.MaxValue && now - _wellSince >= SteadyFor;
        _answer = new Answer(ready, ready || groups.Count > 0 ? null : "it has served all its groups for less than 250 ms", ready ? [] : groups);
        return before.IsReady != ready;
    }

    private static string? Impediment(GroupDirectory.Entry group, long now, ref bool atOnce)
    {
        var (shard, view) = (group.Shard, group.View);
        if (view.HaltReason is { } halted)
        {
            atOnce = true;
            return halted;
        }

        if (shard.Health.RefusalOfWrites is { } refusal)
        {
            atOnce = true;
            return refusal;
        }

        if (shard.Health.RefusalOfProposals is { } hangs && view.Leader == shard.Configuration.Self)
            return hangs;
        var lastTurn = shard.LastTurn;
        if (lastTurn == long.MaxValue)
            return "it has not started yet";
        if (now - lastTurn > HungFor)
            return $"its shard has not moved for {(now - lastTurn) / 1_000_000} ms";
        if (view.Leader == 0)
            return "no leader is known";
        if (!view.IsLeaderReachable)
            return "the connection to its leader is down";
        var behindSince = view.BehindSince;
        return behindSince != long.MaxValue && now - behindSince > BehindFor ? $"what its log holds has waited {(now - behindSince) / 1_000_000} ms to be committed and applied here" : null;
    }

    private sealed record Answer(bool IsReady, string? Reason, IReadOnlyList<GroupReadiness> Groups);
}
