using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Raft;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>
/// The time of a log never runs ahead of true time by more than its rate allows, within a leadership and from one leader to the next, unless a leader begins it that nobody has told it since its start.
/// (How far it is from true time means nothing; how that changes does: docs/ARCHITECTURE.md, time.)
/// </summary>
internal sealed class LogTimeSafety(Cluster cluster)
{
    private const long Slack = 2000;

    // By group: who has committed last, and how far its time was from true time then, in microseconds. One that commits no more may be cut off, and its clock drifts away from the others'.
    private readonly Dictionary<uint, (ulong Term, ulong Commit, long Error, long At)> _leaders = [];

    /// <summary>A replica after a turn.</summary>
    /// <param name="process">Whose.</param>
    /// <param name="replica">The replica.</param>
    public void Check(Process process, Replica replica)
    {
        ref var began = ref process.BeganTimeIn[replica.Group];
        if (began != replica.Time.BeganIn)
        {
            // Nobody has told it: what was before says nothing of what comes now.
            began = replica.Time.BeganIn;
            cluster.WallTime.OnBegun();
            _leaders.Remove(replica.Group);
        }

        var origin = replica.View.LogOrigin;
        var core = replica.Core;
        if (origin == LogClock.Unknown || core.Role != RaftRole.Leader || core.CommitIndex < core.Core.Leadership!.FirstIndex)
            return;
        var now = cluster.Scheduler.Now;
        var error = origin + (process.Machine.Clock.Now / Microsecond) - (MachineClock.TrueUnixMilliseconds(cluster.Scheduler) * 1000) - (now % Millisecond / Microsecond);
        if (_leaders.TryGetValue(replica.Group, out var last))
        {
            if (core.Term < last.Term || core.CommitIndex <= last.Commit)
                return;
            var allowed = ((now - last.At) / Microsecond * (10_000 + (3 * cluster.Options.DriftPerMillion)) / 1_000_000) + Slack;
            if (error - last.Error > allowed)
            {
                throw new SimulationViolationException(
                    $"time: node {process.Machine.Number} leads group {replica.Group} in term {core.Term} with a time that is {(error - last.Error) / 1000} ms further ahead of true time than {Show(now - last.At)} before, in term {last.Term}");
            }
        }

        // The first entry of a term may be older than the time that its leader has begun since, and a time to live is given by those behind it only.
        if (core.CommitIndex > core.Core.Leadership!.FirstIndex)
            _leaders[replica.Group] = (core.Term, core.CommitIndex, error, now);
    }
}
