using System.Runtime.InteropServices;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Engine;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Encoding;
using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Histories;
using RaftKv.Tests.Jepsenish.Simulation.Clients;
using RaftKv.Tests.Jepsenish.Simulation.Faults;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using RaftKv.Tests.Jepsenish.Workloads;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>
/// A cluster on which a test plays a script: whole nodes, to which nothing happens but what the script says. One thread, simulated time, one seed: a script plays the same way every time.
/// </summary>
/// <remarks>
/// Invariant: the oracles look at every turn of every shard and at every frame that leaves. When the script is over, everything is mended, all requests end, leaders come back, replicas become equal,
/// and what GET, SET and DEL saw must be linearizable: a script that only goes through the motions is a test already.
/// </remarks>
internal sealed class Stage
{
    /// <summary>The election timeout of the nodes.</summary>
    public const long ElectionTimeout = 300 * Millisecond;

    private const int LinesToldOnFailure = 120;

    private readonly Cluster _cluster;
    private readonly Dictionary<string, int> _markers = [];
    private readonly List<Task> _requests = [];
    private readonly HashSet<string> _counters = [];
    private readonly HashSet<string> _awaited = [];
    private int _clients;

    private Stage(SimulationOptions options, TextWriter story) => _cluster = new Cluster(options, new Story(story));

    /// <summary>All machines.</summary>
    public IReadOnlyList<Machine> Machines => _cluster.Machines;

    /// <summary>Nanoseconds since the curtain rose.</summary>
    public long Now => _cluster.Scheduler.Now;

    /// <summary>So many nodes, one group, quick disks and wires, none of the knobs at an extreme.</summary>
    public static SimulationOptions Nodes(int nodes) => new() { Seed = 1, Nodes = nodes, Clients = 0, QuiesceAfter = 0 };

    /// <summary>The same, with a log that keeps nothing behind frequent checkpoints: who was away receives an image.</summary>
    public static SimulationOptions NodesWithShortLogs(int nodes) => Nodes(nodes) with { CheckpointBytes = 512, RetainedLogBytes = 0, SegmentBytes = 8 << 10, ChunkBytes = 512 };

    /// <summary>Starts the nodes, plays the script once a leader has committed, and sees that all ends well.</summary>
    /// <param name="options">The cluster.</param>
    /// <param name="script">What happens to it.</param>
    /// <param name="prologue">What happens before there is a process on any machine; it may start some.</param>
    /// <exception cref="SimulationViolationException">Something that must always hold did not, or an assertion of the script failed; with the end of the story. RAFTKV_STORY names a file for all of it.</exception>
    public static void Play(SimulationOptions options, Action<Stage> script, Action<Stage>? prologue = null)
    {
        using var story = new StringWriter();
        // Continuations run where they are completed, and nowhere else.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            var stage = new Stage(options, story);
            using var listening = Sometimes.Listen(marker => CollectionsMarshal.GetValueRefOrAddDefault(stage._markers, marker, out _)++);
            prologue?.Invoke(stage);
            stage.Open();
            script(stage);
            stage.Close();
        }
#pragma warning disable CA1031 // whatever it is, it is told with the story
        catch (Exception e)
#pragma warning restore CA1031
        {
            var lines = story.ToString().Split('\n');
            throw new SimulationViolationException($"{e}\n\nThe end of the story:\n{string.Join('\n', lines[Math.Max(0, lines.Length - LinesToldOnFailure)..])}");
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
            if (Environment.GetEnvironmentVariable("RAFTKV_STORY") is { Length: > 0 } path)
                File.WriteAllText(path, story.ToString());
        }
    }

    // ---- time

    /// <summary>Lets time pass.</summary>
    public void Pass(long time) => RunUntil(Now + time);

    /// <summary>Lets time pass until something is so, which is looked at after every event.</summary>
    public void Until(Func<bool> condition, string what, long atMost = 10 * Second)
    {
        for (var until = Now + atMost; !condition();)
        {
            if (!Step(until) && !condition())
                throw new SimulationViolationException($"{Show(atMost)} passed, and it is not so that {what}");
        }
    }

    /// <summary>Does something as soon as a condition holds: for what happens while a turn stands still, within which a script does not go on. It must come to hold before the script ends.</summary>
    public void When(Func<bool> condition, string what, Action action)
    {
        _awaited.Add(what);
        Look();

        void Look() => _cluster.Scheduler.After(Millisecond / 10, () =>
        {
            if (!condition())
            {
                Look();
                return;
            }

            _awaited.Remove(what);
            action();
        });
    }

    // ---- who leads

    /// <summary>Waits for a leader that has committed in its term and that no running node has outlived.</summary>
    public Machine AwaitLeader(uint group = 1, Machine? otherThan = null)
    {
        Machine? found = null;
        Until(() => (found = Leader(group)) is not null && found != otherThan, otherThan is null ? "there is a leader" : $"another node than {otherThan.Name} leads");
        return found!;
    }

    /// <summary>Transfers a group's leadership, so that a script can choose who leads.</summary>
    public void LetLead(Machine machine, uint group = 1)
    {
        for (var attempts = 0; AwaitLeader(group) is { } leader && leader != machine; attempts++)
        {
            Assert(attempts < 20, $"{machine.Name} could not be made to lead");
            InShard(leader, group, replica => replica.Core.TransferLeadership(machine.Number, replica.Now));
            Pass(50 * Millisecond);
        }
    }

    /// <summary>The machines but these.</summary>
    public IReadOnlyList<Machine> Others(params Machine[] machines) => [.. Machines.Except(machines)];

    /// <summary>A replica on a machine that runs.</summary>
    public static Consensus.Groups.Replicas.Replica Replica(Machine machine, uint group = 1) => machine.Process!.Replica(group);

    // ---- the network

    /// <summary>From now on nothing arrives that one sends the other; what is under way waits, as in TCP.</summary>
    public void CutOneWay(Machine from, Machine to)
    {
        _cluster.Story.Tell($"script: {to.Name} hears {from.Name} no more");
        _cluster.Wire.Cut(from.Number, to.Number);
    }

    /// <summary>Ends <see cref="CutOneWay"/>: what waited arrives, unless somebody gave the connection up.</summary>
    public void JoinOneWay(Machine from, Machine to)
    {
        _cluster.Story.Tell($"script: {to.Name} hears {from.Name} again");
        _cluster.Wire.Join(from.Number, to.Number);
    }

    /// <summary>Nothing passes between a machine and all others.</summary>
    public void Isolate(Machine machine)
    {
        foreach (var other in Others(machine))
        {
            CutOneWay(machine, other);
            CutOneWay(other, machine);
        }
    }

    /// <summary>Waits until a node has given up its connection to another: nothing that was under way can arrive any more.</summary>
    public void AwaitLost(Machine machine, Machine other) =>
        Until(() => !machine.Process!.Transport.IsConnected(other.Number), $"{machine.Name} gives up its connection to {other.Name}", Second);

    /// <summary>From now on every frame comes twice, the second time up to half a second later.</summary>
    public void DoubleFrames()
    {
        _cluster.Story.Tell("script: every frame comes twice");
        _cluster.Wire.DuplicatePerMille = 1000;
    }

    /// <summary>Everything passes again.</summary>
    public void Heal()
    {
        _cluster.Story.Tell("script: the network heals");
        _cluster.Wire.Mend();
    }

    /// <summary>Others find their connections to a machine broken, and nothing passes between it and them any more; it has not noticed.</summary>
    public void ResetLinks(Machine machine)
    {
        _cluster.Story.Tell(machine, "script: the others' connections to it break");
        Isolate(machine);
        foreach (var other in Others(machine))
            other.Process!.Run(() => other.Process!.Transport.Reset(machine.Number));
    }

    // ---- machines

    /// <summary>A process ends as by kill -9.</summary>
    public void Kill(Machine machine) => _cluster.End(machine, Death.Kill);

    /// <summary>A node is asked to stop, as by SIGTERM, and started again after a while.</summary>
    public void Stop(Machine machine, long pause) => _cluster.Stop(machine, pause);

    /// <summary>All nodes are asked to stop at once, and started again after a while.</summary>
    public void StopAll(long pause) => _cluster.StopAll(() => pause);

    /// <summary>One of a node's next turns stands still for a while; its connections go on.</summary>
    public static void StallTurn(Machine machine, long time, int? shard = null) => machine.Process!.StallTurn(time, shard);

    /// <summary>A machine's disk takes so many bytes more.</summary>
    public void FillDisk(Machine machine, long left)
    {
        _cluster.Story.Tell(machine, $"script: its disk has {left} bytes left");
        machine.Disk.Capacity = machine.Disk.Used + left;
    }

    /// <summary>A machine's disk has space again.</summary>
    public void FreeDisk(Machine machine)
    {
        _cluster.Story.Tell(machine, "script: its disk has space");
        machine.Disk.Capacity = long.MaxValue;
    }

    /// <summary>Does something with a replica in its shard's next turn.</summary>
    public static void InTurn(Machine machine, Action<Consensus.Groups.Replicas.Replica> action) => InShard(machine, 1, action);

    /// <summary>A machine loses its power, and what was not synced.</summary>
    public void CutPower(Machine machine) => _cluster.End(machine, Death.PowerCut);

    /// <summary>A node is started.</summary>
    public void Start(Machine machine) => _cluster.StartNode(machine);

    /// <summary>A process stands still.</summary>
    public void Pause(Machine machine, long time)
    {
        _cluster.Story.Tell(machine, $"script: stands still for {Show(time)}");
        machine.PausedUntil = Now + time;
    }

    /// <summary>No sync of the log's disk ends for a while.</summary>
    public void HangDisk(Machine machine, long time)
    {
        _cluster.Story.Tell(machine, $"script: its disk hangs for {Show(time)}");
        machine.Faults.HungUntil = Now + time;
    }

    /// <summary>A machine, its node stopped, gets an empty disk.</summary>
    public void Wipe(Machine machine)
    {
        CutPower(machine);
        machine.Wipe();
    }

    /// <summary>From now on touching this key is a defect on these machines, as if their program had one.</summary>
    public void Poison(string? key, params IReadOnlyList<Machine> machines)
    {
        foreach (var machine in machines)
            machine.Poison = key is null ? null : System.Text.Encoding.UTF8.GetBytes(key);
    }

    /// <summary>What an operator asks: skip an entry. How it ended, and whether the leader took it.</summary>
    public ResultStatus? Skip(Machine machine, ulong index, uint group = 1)
    {
        var operation = new SkipOperation { Group = group, Kind = OperationKind.Write, Deadline = machine.Clock.Now + (5 * Second) };
        SkipEntryCommand.Encode(operation.Command, index);
        machine.Process!.Run(() => machine.Process.Node.Runtime.Submit(operation));
        Until(() => operation.Status != OperationStatus.Pending, "the skip ends");
        return operation.Status == OperationStatus.Completed ? new CommandResult(operation.Result.Span).Status : null;
    }

    private sealed class SkipOperation : Operation
    {
        protected internal override void OnCompleted()
        {
        }
    }

    // ---- clients

    /// <summary>A client with a connection to a node.</summary>
    public Client Connect(Machine machine, uint group = 1)
    {
        var client = new Client(_cluster, ++_clients, group) { Home = machine.Number };
        var connected = client.ConnectAsync();
        Until(() => connected.IsCompleted, $"{machine.Name} takes a connection");
        Assert(connected.Result, $"{machine.Name} takes no connection");
        return client;
    }

    /// <summary>Sends a request; the reply, or null for none, comes later.</summary>
    public Task<RespReply?> Begin(Client client, params string[] words)
    {
        var request = AskAsync(client, words);
        _requests.Add(request);
        return request;
    }

    /// <summary>Sends a request on a connection of its own; null also when the node takes none.</summary>
    public Task<RespReply?> Begin(Machine machine, params string[] words)
    {
        var request = ConnectAndAskAsync(new Client(_cluster, ++_clients, group: 1) { Home = machine.Number }, words);
        _requests.Add(request);
        return request;
    }

    /// <summary>Asks and waits for the reply; null for none.</summary>
    public RespReply? Ask(Client client, params string[] words) => Await(Begin(client, words));

    /// <summary>Asks a node and waits for the reply; null for none.</summary>
    public RespReply? Ask(Machine machine, params string[] words) => Await(Begin(machine, words));

    /// <summary>Asks until the request is done; for what may be asked more than once.</summary>
    public RespReply AskUntilDone(Machine machine, params string[] words)
    {
        for (var until = Now + (10 * Second); ; Pass(10 * Millisecond))
        {
            if (Ask(machine, words) is { IsError: false } reply)
                return reply;
            Assert(Now < until, $"{string.Join(' ', words)} is not done by {machine.Name}");
        }
    }

    /// <summary>Waits for a reply.</summary>
    public RespReply? Await(Task<RespReply?> request)
    {
        Until(() => request.IsCompleted, "a request ends");
        return request.Result;
    }

    /// <summary>Writes until the leader's log begins behind the end of another's.</summary>
    public void FillBeyond(Machine leader, Machine away)
    {
        for (var i = 0; Replica(leader).Core.FirstIndex <= Replica(away).Core.LastIndex + 1; i++)
        {
            Assert(i < 500, "the leader's log is not cut");
            Assert(Ask(leader, "SET", $"fill {i % 20}", $"{i}") is { IsError: false }, "a write was refused");
        }
    }

    // ---- what was seen

    /// <summary>How often a rare place was reached.</summary>
    public int Saw(string marker) => _markers.GetValueOrDefault(marker);

    /// <summary>Something must be so.</summary>
    public static void Assert(bool condition, string otherwise)
    {
        if (!condition)
            throw new SimulationViolationException($"the script: {otherwise}");
    }

    private Machine? Leader(uint group)
    {
        var leader = _cluster.Running.Where(p => p.Leads(group)).MaxBy(p => p.Replica(group).Core.Term);
        if (leader is null || _cluster.Running.Any(p => p.Replica(group).Core.Term > leader.Replica(group).Core.Term))
            return null;
        var core = leader.Replica(group).Core;
        return core.CommitIndex >= core.Core.Leadership!.FirstIndex ? leader.Machine : null;
    }

    private static void InShard(Machine machine, uint group, Action<Consensus.Groups.Replicas.Replica> action) => machine.Process!.Run(() =>
    {
        var shards = machine.Process!.Node.Runtime.Shards;
        var shard = shards[GroupDirectory.ShardOf(group, shards.Count)];
        shard.Inbox.Post(() =>
        {
            var replica = shard.Replica(group)!;
            action(replica);
            shard.Touch(replica);
        });
    });

    private async Task<RespReply?> ConnectAndAskAsync(Client client, string[] words) => await client.ConnectAsync() ? await AskAsync(client, words) : null;

    private async Task<RespReply?> AskAsync(Client client, string[] words)
    {
        var invoked = _cluster.History.Invoke();
        var reply = await client.AskAsync(words);
        var outcome = Client.Judge(reply);
        switch (words)
        {
            case ["GET", var key]:
                _cluster.History.Add(client.Identity, key, Function.Read, reply?.Text, null, invoked, outcome);
                break;
            case ["SET", var key, var value]:
                _cluster.History.Add(client.Identity, key, Function.Write, value, null, invoked, outcome);
                break;
            case ["DEL", var key]:
                _cluster.History.Add(client.Identity, key, Function.Write, null, null, invoked, outcome);
                break;
            case [_, var key, ..]:
                // Registers are judged; what else happens to a key, the script judges.
                _counters.Add(key);
                break;
        }

        if (outcome == EventType.Info)
            client.BecomeAnother();
        return reply;
    }

    private void Open()
    {
        foreach (var machine in Machines)
            _cluster.StartLater(machine, (long)machine.Number * Millisecond);
        new Recovery(_cluster, RunUntil).AwaitLeaders();
    }

    private void Close()
    {
        Assert(_awaited.Count == 0, $"it never came about that {string.Join(", nor that ", _awaited)}");
        new FaultDriver(_cluster).Mend(0, Randomness.Fork(_cluster.Options.Seed, "mend"));
        Until(() => _requests.TrueForAll(r => r.IsCompleted), "all requests end");
        new Recovery(_cluster, RunUntil).AwaitLeaders();
        new Recovery(_cluster, RunUntil).AwaitEqualReplicas();
        var registers = _cluster.History.Operations.Where(o => !_counters.Contains(o.Key)).ToList();
        foreach (var (key, verdict) in LinearizabilityChecker.Check(registers, o => new RegisterModel(o), SearchLimits.Deterministic()).Keys)
            Assert(verdict.Result == Linearizability.Linearizable, $"key {key} is not linearizable: {(verdict.Violation is { } violation ? Explanation.Of(key, violation) : verdict.Result)}");
    }

    private void RunUntil(long time)
    {
        while (Step(time))
        {
        }
    }

    private bool Step(long until)
    {
        var happened = _cluster.Scheduler.Step(until);
        if (_cluster.Problem is { } problem)
            throw new SimulationViolationException($"a client failed: {problem}");
        return happened;
    }
}
