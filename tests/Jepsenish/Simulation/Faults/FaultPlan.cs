using RaftKv.Tests.Harness.Io;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Faults;

/// <summary>Draws the faults of a run: a few kinds of them, so that each run is hard in its own way, and now and then one right after another.</summary>
internal static class FaultPlan
{
    private static readonly FaultKind[] Kinds = [.. Enum.GetValues<FaultKind>().Where(k => k is not (FaultKind.StopOfAll or FaultKind.ResetLinks))];

    /// <summary>The faults of a run, in order of time.</summary>
    public static IReadOnlyList<PlannedFault> Draw(SimulationOptions options, SeededRandom random)
    {
        var plan = DrawMixed(options, random);
        AddOwn(plan, options, Randomness.Fork(options.Seed, "full disks and stops of all"));
        return [.. plan.OrderBy(f => f.At)];
    }

    // Drawn apart, so that what the seeds before them do stays the same.
    private static void AddOwn(List<PlannedFault> plan, SimulationOptions options, SeededRandom random)
    {
        // Long enough for leaders to want to give the node its groups back.
        if (random.Chance(150))
            plan.Add(New(FaultKind.FullDisk, random.Time(2 * Second, 5 * Second)));
        if (random.Chance(100))
            plan.Add(New(FaultKind.StopOfAll, random.Time(Millisecond, Second)));

        PlannedFault New(FaultKind kind, long time) =>
            new(random.Time(Second, options.Duration), kind, (ulong)random.Between(1, options.Nodes), (uint)random.Between(1, options.Groups), time, random.Next());
    }

    private static List<PlannedFault> DrawMixed(SimulationOptions options, SeededRandom random)
    {
        var kinds = Kinds.Where(_ => random.Chance(350)).Where(k => Fits(k, options)).ToList();
        if (kinds.Count == 0 || random.Chance(30))
            return [];
        var pause = random.Pick([100 * Millisecond, 300 * Millisecond, 1 * Second, 3 * Second]);
        var longest = random.Pick([50 * Millisecond, 500 * Millisecond, 3 * Second]);
        var plan = new List<PlannedFault>();
        for (var at = random.Time(0, 500 * Millisecond); at < options.Duration; at += random.Chance(300) ? random.Time(0, 5 * Millisecond) : random.Time(0, 2 * pause))
        {
            var kind = random.Pick(kinds);
            var node = random.Chance(400) ? 0 : (ulong)random.Between(1, options.Nodes);
            plan.Add(new PlannedFault(at, kind, node, (uint)random.Between(1, options.Groups), random.Time(Millisecond, random.Chance(250) ? 20 * Millisecond : longest), random.Next()));
        }

        return plan;
    }

    private static bool Fits(FaultKind kind, SimulationOptions options) => kind switch
    {
        // A cluster of one or two has no minority that could lose its promises; nothing is to be repaired from peers.
        FaultKind.BitRot or FaultKind.MisdirectedWrite or FaultKind.LostLog or FaultKind.Wipe => options.Nodes >= 3,
        FaultKind.Bridge or FaultKind.IsolatedLeader => options.Nodes >= 3,
        FaultKind.Partition or FaultKind.Isolate or FaultKind.CutOneWay or FaultKind.SlowLink or FaultKind.LossyNetwork or FaultKind.CorruptingNetwork or FaultKind.SpoiltImages or FaultKind.ShortenedAppends or FaultKind.Transfer or FaultKind.Membership
            => options.Nodes >= 2,
        _ => true,
    };
}
