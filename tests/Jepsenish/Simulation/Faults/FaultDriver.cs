using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Raft;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Jepsenish.Simulation.Clients;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Faults;

/// <summary>Does to a cluster what a plan says, and mends it all in the end.</summary>
internal sealed class FaultDriver(Cluster cluster)
{
    private const int FirstFlood = 1_000_000;

    private readonly SortedDictionary<FaultKind, int> _injected = [];
    private int _floods;
    private bool _isOver;

    /// <summary>How many of each kind took place.</summary>
    public IReadOnlyDictionary<FaultKind, int> Injected => _injected;

    /// <summary>Puts the whole plan on the calendar.</summary>
    public void Begin(IReadOnlyList<PlannedFault> plan)
    {
        foreach (var fault in plan)
            cluster.Scheduler.After(fault.At, () => Inject(fault));
    }

    /// <summary>Mends everything but what stays broken for good.</summary>
    public void Mend(int brokenForGood, SeededRandom random)
    {
        _isOver = true;
        cluster.Wire.Mend();
        foreach (var machine in cluster.Machines)
        {
            machine.PausedUntil = Math.Min(machine.PausedUntil, cluster.Scheduler.Now);
            machine.Process?.Mend();
            machine.Disk.Capacity = long.MaxValue;
            if (!machine.Faults.HasFailed)
                machine.Faults.Mend();
        }

        while (brokenForGood-- > 0 && cluster.Damaged < cluster.MaxDamaged)
        {
            var machine = random.Pick(cluster.Machines.Where(m => !m.IsDamaged && !m.IsGivenUp).ToList());
            cluster.End(machine, random.Chance(500) ? Death.Kill : Death.PowerCut);
            machine.IsGivenUp = true;
            cluster.Story.Tell(machine, "stays down for good");
        }

        foreach (var machine in cluster.Machines)
            cluster.StartNode(machine);
        cluster.Story.Tell("everything else is mended");
    }

    private void Inject(PlannedFault fault)
    {
        if (_isOver)
            return;
        var random = new SeededRandom(fault.Seed);
        var machine = Find(fault, random);
        if (!Apply(fault, machine, random))
            return;
        _injected[fault.Kind] = _injected.GetValueOrDefault(fault.Kind) + 1;
        cluster.Scheduler.Note((ulong)fault.Kind);
        cluster.Story.Tell($"fault: {fault.Kind} at {machine.Name} for {SimulatedTime.Show(fault.For)}");
    }

    private Machine Find(PlannedFault fault, SeededRandom random)
    {
        if (fault.Node != 0 && cluster.IsMember(fault.Node) && fault.Kind is not (FaultKind.Transfer or FaultKind.Membership or FaultKind.StallTurn or FaultKind.HungDisk or FaultKind.IsolatedLeader or FaultKind.ResetLinks))
            return cluster.Machine(fault.Node);
        // The first group is the one that surely has clients, and these faults show only where they are.
        var group = fault.Kind is FaultKind.StallTurn or FaultKind.HungDisk && random.Chance(500) ? 1 : fault.Group;
        return cluster.Running.FirstOrDefault(p => p.Leads(group))?.Machine ?? random.Pick(cluster.Machines);
    }

    private bool Apply(PlannedFault fault, Machine machine, SeededRandom random)
    {
        if (fault.DamagesForGood && !machine.IsDamaged && cluster.Damaged >= cluster.MaxDamaged)
            return false;
        switch (fault.Kind)
        {
            case FaultKind.Kill or FaultKind.PowerCut:
                return EndOne(machine, fault.Kind == FaultKind.Kill ? Death.Kill : Death.PowerCut, fault.For);
            case FaultKind.PowerCutOfAll:
                foreach (var each in cluster.Machines)
                    EndOne(each, Death.PowerCut, random.Time(0, fault.For));
                return true;
            case FaultKind.KillAtDiskOperation or FaultKind.PowerCutAtDiskOperation:
                if (fault.Kind == FaultKind.PowerCutAtDiskOperation && random.Chance(400))
                    machine.Faults.TearNextBatch();
                else
                    machine.Faults.DieAt(random.Between(1, 40), fault.Kind == FaultKind.PowerCutAtDiskOperation);
                return true;
            case FaultKind.Stop:
                cluster.Stop(machine, fault.For);
                return true;
            case FaultKind.StopOfAll:
                cluster.StopAll(() => random.Time(0, fault.For));
                return true;
            case FaultKind.Pause:
                machine.PausedUntil = Math.Max(machine.PausedUntil, cluster.Scheduler.Now + fault.For);
                cluster.Rush(Math.Min(fault.For, Second) + (100 * Millisecond), machine);
                return true;
            case FaultKind.StallTurn:
                return StallTurn(machine, random.Chance(600) ? random.Time(600 * Millisecond, 1800 * Millisecond) : fault.For, random.Chance(700));
            case FaultKind.ClockJump:
                SetClocks(machine, random);
                return true;
            case FaultKind.Transfer:
                return Transfer(machine, fault.Group, random);
            case FaultKind.Membership when random.Chance(400):
                // The rules are hardest to keep in the moment in which a leader comes into being.
                cluster.Oracles.Elections.OnNext(fault.Group, process => Change(process, fault.Group, random));
                return true;
            case FaultKind.Membership:
                return machine.Process is { IsAlive: true } process && process.Leads(fault.Group) && Change(process, fault.Group, random);
            default:
                return ApplyToNetwork(fault, machine, random) || ApplyToDisk(fault, machine, random);
        }
    }

    private bool ApplyToNetwork(PlannedFault fault, Machine machine, SeededRandom random)
    {
        var wire = cluster.Wire;
        switch (fault.Kind)
        {
            case FaultKind.Partition:
                var side = cluster.Machines.Where(_ => random.Chance(500)).Select(m => m.Number).ToHashSet();
                CutFor(fault.For, (a, b) => side.Contains(a) != side.Contains(b));
                return true;
            case FaultKind.Isolate:
                CutFor(fault.For, (a, b) => a == machine.Number || b == machine.Number);
                return true;
            case FaultKind.ResetLinks:
                ResetLinks(machine, fault.For);
                return true;
            case FaultKind.IsolatedLeader:
                return IsolateLeader(machine, fault.Group, random);
            case FaultKind.Bridge:
                var left = cluster.Machines.Where(_ => random.Chance(500)).Select(m => m.Number).ToHashSet();
                CutFor(fault.For, (a, b) => a != machine.Number && b != machine.Number && left.Contains(a) != left.Contains(b));
                return true;
            case FaultKind.CutOneWay:
                var other = random.Pick(cluster.Machines).Number;
                var inwards = random.Chance(500);
                CutFor(fault.For, (a, b) => inwards ? b == machine.Number && (a == other || other == machine.Number) : a == machine.Number && (b == other || other == machine.Number));
                return true;
            case FaultKind.SlowLink:
                var far = random.Pick(cluster.Machines).Number;
                wire.Slow(machine.Number, far, random.Between(2, 200));
                cluster.Rush(Math.Min(fault.For, Second), machine);
                Later(fault.For, () => wire.Slow(machine.Number, far, 1));
                return true;
            case FaultKind.LossyNetwork:
                (wire.LossPerMille, wire.DuplicatePerMille, wire.ReorderPerMille) = (random.Below(300), random.Below(500), random.Below(300));
                Later(fault.For, () => wire.LossPerMille = wire.DuplicatePerMille = wire.ReorderPerMille = 0);
                return true;
            case FaultKind.CorruptingNetwork:
                wire.CorruptPerMille = random.Between(1, 50);
                Later(fault.For, () => wire.CorruptPerMille = 0);
                return true;
            case FaultKind.SpoiltImages:
                wire.SpoilImagesPerMille = random.Between(100, 500);
                Later(fault.For, () => wire.SpoilImagesPerMille = 0);
                return true;
            case FaultKind.ShortenedAppends:
                wire.ShortenAppendsPerMille = random.Between(100, 700);
                Later(fault.For, () => wire.ShortenAppendsPerMille = 0);
                return true;
            default:
                return false;
        }
    }

    private bool ApplyToDisk(PlannedFault fault, Machine machine, SeededRandom random)
    {
        switch (fault.Kind)
        {
            case FaultKind.SlowDisk:
                machine.Faults.Slowness = random.Between(2, 100);
                Later(fault.For, () => machine.Faults.Slowness = 1);
                return true;
            case FaultKind.HungDisk:
                machine.Faults.HungUntil = Math.Max(machine.Faults.HungUntil, cluster.Scheduler.Now + (random.Chance(700) ? random.Time(2, 4) * Second : fault.For));
                cluster.Rush(Second, machine);
                return true;
            case FaultKind.FullDisk:
                machine.Disk.Capacity = machine.Disk.Used + random.Below(64 << 10);
                Later(fault.For, () => machine.Disk.Capacity = long.MaxValue);
                return true;
            case FaultKind.FailedSync:
                machine.Faults.ArmSync();
                return true;
            case FaultKind.FailedWrite:
                machine.Faults.ArmWrite();
                return true;
            case FaultKind.BitRot:
                return machine.Rot() is not null;
            case FaultKind.MisdirectedWrite:
                machine.MisdirectWrite();
                return true;
            case FaultKind.LostLog:
                cluster.End(machine, Death.PowerCut);
                machine.LoseLog();
                Later(fault.For, () => cluster.StartNode(machine));
                return true;
            case FaultKind.Wipe:
                cluster.End(machine, Death.PowerCut);
                machine.Wipe();
                Later(fault.For, () => cluster.StartNode(machine));
                return true;
            default:
                return false;
        }
    }

    private bool EndOne(Machine machine, Death death, long pause)
    {
        if (machine.Process is not { IsAlive: true })
            return false;
        cluster.End(machine, death);
        cluster.StartLater(machine, pause);
        return true;
    }

    private void CutFor(long time, Func<ulong, ulong, bool> cuts)
    {
        var cut = new List<(ulong, ulong)>();
        foreach (var from in cluster.Machines)
        {
            foreach (var to in cluster.Machines)
            {
                if (from != to && cuts(from.Number, to.Number) && cluster.Wire.Passes(from.Number, to.Number))
                    cut.Add((from.Number, to.Number));
            }
        }

        foreach (var (from, to) in cut)
            cluster.Wire.Cut(from, to);
        Later(time, () =>
        {
            foreach (var (from, to) in cut)
                cluster.Wire.Join(from, to);
        });
    }

    private bool IsolateLeader(Machine machine, uint group, SeededRandom random)
    {
        if (machine.Process is not { IsAlive: true } process || !process.Leads(group))
            return false;
        Flood(machine, group, random);
        return true;
    }

    /// <summary>A client writes once, so that the leader has a session for it; then the leader is cut off, and gets many writes more, which nobody waits for.</summary>
    private async void Flood(Machine machine, uint group, SeededRandom random)
    {
        try
        {
            var client = new Client(cluster, FirstFlood + ++_floods, group) { Home = machine.Number };
            if (!await client.ConnectAsync() || await client.AskAsync("SET", "flood", "begins") is not { IsError: false } || _isOver)
                return;
            CutOff(machine, random.Time(400 * Millisecond, 1500 * Millisecond), random);
            await client.AskAllAsync([.. Enumerable.Range(0, random.Between(1, 60)).Select(i => new[] { "SET", $"flood {i % 10}", $"{i}" })]);
        }
#pragma warning disable CA1031 // it ends the run
        catch (Exception e)
#pragma warning restore CA1031
        {
            cluster.Problem ??= e;
        }
    }

    private void CutOff(Machine machine, long time, SeededRandom random)
    {
        CutFor(time, (a, b) => a == machine.Number || b == machine.Number);
        if (random.Chance(400))
        {
            // Time goes on as if nothing had been while somebody who kept it runs: only those who start afresh believe wall clocks, a majority's.
            var jump = random.Time(3_700_000, 8_000_000);
            foreach (var other in cluster.Machines.Where(m => m != machine))
            {
                other.Clock.Jump(jump);
                EndOne(other, Death.Kill, random.Time(1, 50 * Millisecond));
            }

            cluster.WallTime.Note();
        }

        if (random.Chance(500))
        {
            var shortens = random.Chance(600);
            Later(time - (10 * Millisecond), () => (cluster.Wire.LossPerMille, cluster.Wire.ShortenAppendsPerMille) = shortens ? (0, 800) : (300, 0));
            Later(time + (200 * Millisecond), () => cluster.Wire.LossPerMille = cluster.Wire.ShortenAppendsPerMille = 0);
        }
    }

    private void SetClocks(Machine machine, SeededRandom random)
    {
        // Sessions are forgotten after an hour in which nobody used them.
        long Draw() => random.Chance(500) ? random.Time(-10_000, 10_000) : random.Time(-1_000_000, 10_000_000);
        var (jump, kind) = (Draw(), random.Below(10));
        foreach (var each in cluster.Machines)
        {
            if (kind == 0)
                each.Clock.Jump(jump);
            else if (kind == 1)
                each.Clock.Jump(Draw());
            else if (kind == 2)
                each.Clock.Jump(-each.Clock.Error);
            else if (each == machine)
                each.Clock.Jump(jump);
        }

        cluster.WallTime.Note();
        // One that is wrong for a moment only has done all its harm by then, if it does any.
        if (random.Chance(300))
        {
            Later(random.Time(Millisecond, 300 * Millisecond), () =>
            {
                machine.Clock.Jump(-machine.Clock.Error);
                cluster.WallTime.Note();
            });
        }
    }

    private void ResetLinks(Machine machine, long time)
    {
        CutFor(time, (a, b) => a == machine.Number || b == machine.Number);
        foreach (var other in cluster.Running.Where(p => p.Machine != machine))
            other.Run(() => other.Transport.Reset(machine.Number));
    }

    private bool StallTurn(Machine machine, long time, bool alone)
    {
        if (machine.Process is not { IsAlive: true } process)
            return false;
        process.StallTurn(time);
        cluster.Rush(time + (200 * Millisecond), machine);
        // As where a whole machine is short of time: nobody hears of it, nor it of them, but for those who share it.
        if (alone)
            CutFor(time + (20 * Millisecond), (a, b) => a == machine.Number || b == machine.Number);
        return true;
    }

    private bool Transfer(Machine machine, uint group, SeededRandom random)
    {
        if (machine.Process is not { IsAlive: true } process || !process.Leads(group))
            return false;
        var target = random.Pick(cluster.Machines.Where(m => m != machine || cluster.Machines.Count == 1).ToList()).Number;
        process.Run(() => InShard(process, group, replica => replica.Core.TransferLeadership(target, replica.Now)));
        cluster.Rush(500 * Millisecond);
        return true;
    }

    private bool Change(Process process, uint group, SeededRandom random)
    {
        if (_isOver)
            return false;
        var voters = process.Replica(group).Core.Configuration.Voters;
        var outside = cluster.Machines.Select(m => m.Number).Except(voters).ToList();
        var steps = new List<(ConfigurationStep, ulong)>();
        if (voters.Count > 1 && random.Chance(600))
            steps.Add((random.Chance(800) ? ConfigurationStep.Remove : ConfigurationStep.AddLearner, random.Pick(voters)));
        if (outside.Count > 0 && (steps.Count == 0 || random.Chance(500)))
            steps.Add((random.Chance(800) ? ConfigurationStep.AddVoter : ConfigurationStep.AddLearner, random.Pick(outside)));
        if (steps.Count == 0)
            return false;
        process.Run(() => InShard(process, group, replica =>
        {
            var status = replica.Core.ProposeConfiguration(new ConfigurationChange(steps), replica.Time.Now, replica.Now, out _);
            cluster.Story.Tell(process.Machine, $"is asked to change group {group}: {string.Join(", ", steps)}: {status}");
        }));
        return true;
    }

    private static void InShard(Process process, uint group, Action<Consensus.Groups.Replicas.Replica> action)
    {
        var shard = process.Node.Runtime.Shards[GroupDirectory.ShardOf(group, process.Node.Runtime.Shards.Count)];
        shard.Inbox.Post(() =>
        {
            var replica = shard.Replica(group)!;
            action(replica);
            shard.Touch(replica);
        });
    }

    private void Later(long time, Action undo) => cluster.Scheduler.After(time, () =>
    {
        if (!_isOver)
            undo();
    });
}
