using RaftKv.Engine.Io;
using RaftKv.Hosting;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Jepsenish.Simulation.Clients;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using RaftKv.Tests.Jepsenish.Simulation.Network;
using RaftKv.Tests.Jepsenish.Simulation.Oracles;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>Machines, the network between them, clients, and those who watch: everything of one run.</summary>
internal sealed class Cluster
{
    private const long RestartPause = 200 * Millisecond;

    // A transfer that was under way, one that was refused and an election after a leader was gone, each for each of a few nodes.
    private const ulong MostTermsAtStop = 8;

    private readonly Dictionary<uint, ulong> _termsAtStop = [];

    public Cluster(SimulationOptions options, Story story)
    {
        (Options, Story) = (options, story);
        Scheduler = new Scheduler();
        story.Clock = () => Scheduler.Now;
        Wire = new Wire(this, Randomness.Fork(options.Seed, "wire"));
        Machines = [.. Enumerable.Range(1, options.Nodes).Select(n => new Machine((ulong)n, Scheduler, options))];
        WallTime = new WallTime(this);
        Chains = new StateChains(options.Groups);
        Oracles = new OracleSet(this);
        History = new ClientHistory(Scheduler);
        Name = Randomness.Fork(options.Seed, "cluster name").Chance(500) ? "simulated" : null;
    }

    /// <summary>The cluster's name, if it has one.</summary>
    public string? Name { get; }

    public SimulationOptions Options { get; }

    public Story Story { get; }

    public Scheduler Scheduler { get; }

    public Wire Wire { get; }

    public IReadOnlyList<Machine> Machines { get; }

    public StateChains Chains { get; }

    public OracleSet Oracles { get; }

    public ClientHistory History { get; }

    /// <summary>What is known of the wall clocks, and of who believed them.</summary>
    public WallTime WallTime { get; }

    /// <summary>When everything was mended and every group had a leader, for good.</summary>
    public long StandsSince { get; set; } = long.MaxValue;

    /// <summary>How often a process has stopped because its disk had failed.</summary>
    public int StopsByThemselves { get; private set; }

    /// <summary>Until then no client rests.</summary>
    public long RushUntil { get; private set; }

    /// <summary>The node that clients prefer meanwhile; null for any.</summary>
    public ulong? RushAt { get; private set; }

    /// <summary>What made the run fail, seen where it cannot be thrown.</summary>
    public Exception? Problem { get; set; }

    /// <summary>Connections that clients have opened.</summary>
    public int LinksOpened { get; set; }

    /// <summary>Lets clients work without a rest for a while, and many of them at one machine.</summary>
    public void Rush(long time, Machine? at = null) => (RushUntil, RushAt) = (Math.Max(RushUntil, Scheduler.Now + time), at?.Number);

    /// <summary>Processes that run.</summary>
    public IEnumerable<Process> Running => Machines.Select(m => m.Process).OfType<Process>().Where(p => p.IsAlive);

    /// <summary>Nodes that may never come back, or come back without what they promised.</summary>
    public int Damaged => Machines.Count(m => m.IsDamaged || m.IsGivenUp);

    /// <summary>How many that may be: less than half.</summary>
    public int MaxDamaged => (Machines.Count - 1) / 2;

    public Machine Machine(ulong number) => Machines[(int)number - 1];

    /// <summary>
    /// The addresses that a node is started with. Until a majority is founded, all are given the same; later they change from start to start, so that nodes which run disagree about them, and
    /// a node whose first start that is joins a cluster that was founded at others.
    /// </summary>
    public IList<RaftKvMember> AddressBook(Machine machine)
    {
        var random = Randomness.Fork(Options.Seed, "addresses", (machine.Number << 32) | (uint)machine.Starts);
        var isFounded = Machines.Count(m => m.IsFounded) > Machines.Count / 2;
        return [.. Machines.Select(m => new RaftKvMember(m.Name, $"{m.Name}:{(isFounded ? random.Between(7000, 7003) : 7000)}"))];
    }

    public bool IsMember(ulong number) => number >= 1 && number <= (ulong)Machines.Count;

    /// <summary>Starts a node that is not running. What it says when it refuses is held against what was done to it.</summary>
    public void StartNode(Machine machine)
    {
        if (machine.Process is { IsAlive: true } || machine.IsGivenUp)
            return;
        if (machine.Faults.HasFailed)
        {
            // Mostly the process is started again and nothing else: what the page cache holds is not to be believed, and the process has to know that.
            if (machine.IsRestartedAfterFailure())
                machine.CutPower();
            machine.Faults.Mend();
        }

        try
        {
            var process = new Process(this, machine);
            machine.Process = process;
            if (!machine.IsDamaged)
                OracleSet.AfterRecovery(process);
            Story.Tell(machine, "started");
            process.Start();
        }
        catch (SimulatedCrashException e)
        {
            Story.Tell(machine, $"{e.Message} while it started");
            TakeDeath(machine);
            StartLater(machine);
        }
        catch (Exception e) when (e is not SimulationViolationException)
        {
            OnRefusedToStart(machine, e);
        }
    }

    /// <summary>Starts a node after a while.</summary>
    public void StartLater(Machine machine, long pause = RestartPause) => Scheduler.After(pause, () => StartNode(machine));

    /// <summary>A process ends as by kill -9, or with its machine's power.</summary>
    public void End(Machine machine, Death death)
    {
        if (machine.Process is { IsAlive: true } process)
        {
            Story.Tell(machine, death == Death.Kill ? "killed" : "loses power");
            process.End(silently: death == Death.PowerCut);
        }

        machine.Process = null;
        machine.PausedUntil = 0;
        if (death == Death.PowerCut)
            machine.CutPower();
        else
            machine.KeepPageCache();
        if (machine.Faults.HasUnnoticedMisdirection)
        {
            // A last write that went astray cannot be told from one that was torn: no single disk can find it.
            Story.Tell(machine, "its last write went astray; it is given up");
            machine.IsGivenUp = true;
        }
    }

    /// <summary>Something happened in a process: it may have ended by it.</summary>
    public void AfterEvent(Process process)
    {
        var machine = process.Machine;
        if (machine.Death is not null)
        {
            TakeDeath(machine);
            StartLater(machine);
        }
        else if (process.IsAlive && process.Node.Runtime.Failure is { IsCompleted: true } failure)
        {
            OnStoppedByItself(process, failure.Result);
        }
    }

    /// <summary>A process is asked to stop, as by SIGTERM, after it had time to transfer its leaderships.</summary>
    public void Stop(Machine machine, long pause)
    {
        if (machine.Process is not { IsAlive: true } process)
            return;
        Story.Tell(machine, "is asked to stop");
        process.Run(process.Node.Runtime.PrepareStop);
        StopWhenReady(machine, process, pause, Scheduler.Now + (2 * Second));
    }

    /// <summary>All processes are asked to stop at once. They agree on nobody to lead, so that there is nothing to elect: terms stay nearly where they are.</summary>
    public void StopAll(Func<long> pause)
    {
        _termsAtStop.Clear();
        for (uint group = 1; group <= Options.Groups; group++)
            _termsAtStop[group] = Running.Select(p => p.Replica(group).Core.Term).Concat(Machines.Select(m => m.Ledger.Group(group).Term)).Max(); // a node that is away may know of more
        foreach (var machine in Machines)
            Stop(machine, pause());
    }

    private void CheckTermsAtStop()
    {
        if (Running.Any())
            return;
        foreach (var (group, term) in _termsAtStop)
        {
            var last = Machines.Max(m => m.Ledger.Group(group).Term);
            if (last > term + MostTermsAtStop)
                throw new SimulationViolationException($"group {group} went from term {term} to {last} while all nodes stopped");
        }

        _termsAtStop.Clear();
    }

    private void StopWhenReady(Machine machine, Process process, long pause, long atLatest) => process.After(10 * Millisecond, () =>
    {
        // As in production its leaderships are transferred as far as somebody takes them, and its threads are waited for.
        if (process.IsInTurn || (process.Node.Runtime.HasToTransfer && Scheduler.Now < atLatest))
        {
            StopWhenReady(machine, process, pause, atLatest);
            return;
        }

        process.StopInOrder();
        process.End(silently: false);
        machine.Process = null;
        Story.Tell(machine, "stopped");
        CheckTermsAtStop();
        StartLater(machine, pause);
    });

    private void TakeDeath(Machine machine)
    {
        var death = machine.Death ?? Death.Kill;
        machine.Death = null;
        End(machine, death);
    }

    private void OnStoppedByItself(Process process, string reason)
    {
        var machine = process.Machine;
        StopsByThemselves++;
        Story.Tell(machine, $"stopped by itself: {reason}");
        if (!machine.Faults.HasFailed && !machine.IsDamaged)
            throw new SimulationViolationException($"node {machine.Number} stopped by itself although its disk is well: {reason}");
        process.End(silently: false);
        machine.Process = null;
        // Its peers know that it lost what it had promised; nothing mends that.
        if (machine.WasWiped)
            machine.IsGivenUp = true;
        else
            StartLater(machine);
    }

    private void OnRefusedToStart(Machine machine, Exception refusal)
    {
        Story.Tell(machine, $"refuses to start: {refusal.Message}");
        if (refusal is DiskFullException || machine.Faults.HasFailed)
        {
            StartLater(machine);
            return;
        }

        if (!machine.IsDamaged)
            throw new SimulationViolationException($"node {machine.Number} refuses to start although nothing happened to its disk: {refusal}");
        machine.IsGivenUp = true;
    }
}
