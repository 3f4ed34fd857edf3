using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Engine;
using RaftKv.Engine.Store.Memory;
using RaftKv.Hosting;
using RaftKv.Hosting.Node;
using RaftKv.Server.Resp.Connections;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Jepsenish.Simulation.Clients;
using RaftKv.Tests.Jepsenish.Simulation.Network;
using RaftKv.Tests.Jepsenish.Simulation.Oracles;

namespace RaftKv.Tests.Jepsenish.Simulation.Machines;

/// <summary>One life of a node: production code from the RESP parser to the log, on a simulated machine. What happens in it happens through <see cref="After"/>.</summary>
internal sealed class Process
{
    private readonly Cluster _cluster;
    private readonly ProcessDisk _disk;
    private readonly Dictionary<uint, RespServer> _servers = [];
    private readonly List<RespLink> _links = [];
    private readonly Queue<Action> _stalled = new();
    private readonly HashSet<uint> _hadTerm;
    private readonly long _startedAt;
    private long _leaseDuration;
    private SteppedDriver _driver = null!;

    /// <summary>Opens the node; it runs after <see cref="Start"/>.</summary>
    /// <exception cref="Exception">Whatever production code throws when it refuses to start.</exception>
    public Process(Cluster cluster, Machine machine)
    {
        (_cluster, Machine) = (cluster, machine);
        _disk = new ProcessDisk(machine, machine.Disk);
        var options = cluster.Options;
        _startedAt = machine.Clock.Now;
        Standings = new Standing[options.Groups + 1];
        BeganTimeIn = new ulong[options.Groups + 1];
        var random = Randomness.Fork(options.Seed, "process", (machine.Number << 32) | (uint)++machine.Starts);
        var clock = new TurnClock(machine.Clock);
        Transport = new WireTransport(cluster.Wire, this, random);
        Node = NodeStarter.Open(
            new RaftKvOptions
            {
                NodeName = machine.Name,
                DataDirectory = "/data",
                Members = cluster.AddressBook(machine),
                ClusterName = cluster.Name,
                Groups = options.Groups,
                Shards = options.Shards,
                LogSegmentBytes = options.SegmentBytes,
                CheckpointBytes = options.CheckpointBytes,
                RetainedLogBytes = options.RetainedLogBytes,
            },
            new NodeEnvironment
            {
                Files = _disk,
                Locks = _disk,
                Clock = clock,
                RandomNumber = () => random.Next() | 1,
                OpenStore = path => new ObservedStore(new PoisonedStore(MemoryStateStore.Open(_disk, path), machine), machine, cluster.Chains),
                Bind = Transport.Bind,
                MakeDriver = shards => _driver = new SteppedDriver(this, random, clock, options.SyncTime, shards),
                AdjustLog = o => o with { RewriteAboveBytes = options.RewriteAboveBytes },
                Adjust = c => c with
                {
                    SnapshotChunkBytes = options.ChunkBytes,
                    MaxForwardedBytes = options.ForwardedBytes,
                    MaxInboxBytes = options.InboxBytes,
                    MaxBatchBytes = options.BatchBytes,
                    SteadyBeforeLeading = options.SteadyBeforeLeading,
                    Raft = c.Raft with
                    {
                        MaxAppendBytes = options.AppendBytes,
                        MaxCachedBytes = options.CachedBytes,
                        MaxInflightMessages = options.InflightMessages,
                        QuiesceAfter = options.QuiesceAfter,
                        LeaderLeaseDuration = _leaseDuration = options.HasLeases ? c.Raft.LeaderLeaseDuration : 0,
                        MaxUncommittedBytes = options.UncommittedBytes,
                    },
                },
            },
            cluster.Story.LoggersOf(machine));
        _hadTerm = [.. Replicas.Where(r => r.Core.Term > 0).Select(r => r.Group)];
    }

    public Machine Machine { get; }

    public OpenNode Node { get; }

    public WireTransport Transport { get; }

    public Scheduler Scheduler => _cluster.Scheduler;

    public Cluster Cluster => _cluster;

    /// <summary>Whether it has not ended.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>How each group's replica stood when it was judged last.</summary>
    public Standing[] Standings { get; }

    /// <summary>The term in which each group's replica had begun the time of its log when it was judged last, 0 for none.</summary>
    public ulong[] BeganTimeIn { get; }

    /// <summary>The replica of a group.</summary>
    public Replica Replica(uint group) => Node.Runtime.Shards[GroupDirectory.ShardOf(group, Node.Runtime.Shards.Count)].Replica(group)!;

    /// <summary>All replicas.</summary>
    public IEnumerable<Replica> Replicas => Node.Runtime.Shards.SelectMany(s => s.Replicas);

    /// <summary>Whether a turn is under way, or stands still.</summary>
    public bool IsInTurn => _driver.IsInTurn;

    /// <summary>Since when the log has been writing; null when it is not.</summary>
    public long? WritingSince => _driver.WritingSince;

    /// <summary>Whether it leads a group, as far as it knows.</summary>
    public bool Leads(uint group) => Replica(group).Core.Role == RaftRole.Leader;

    /// <summary>Whether a promise to a leader that it gave right before it was started again would still hold.</summary>
    public bool MayHavePromised(uint group) => _hadTerm.Contains(group) && Machine.Clock.Now < _startedAt + _leaseDuration;

    /// <summary>Lets it run.</summary>
    public void Start() => Run(() =>
    {
        Node.Runtime.Start();
        Transport.Start();
    });

    /// <summary>Lets something happen in this process after a delay: not before a pause is over, and not when the process has ended by then.</summary>
    public void After(long delay, Action action) => Scheduler.After(delay, () => Run(action));

    /// <summary>Lets something happen in this process now, if it can.</summary>
    public void Run(Action action)
    {
        if (!IsAlive)
            return;
        if (Machine.PausedUntil > Scheduler.Now)
        {
            if (_stalled.Count == 0)
                Scheduler.After(Machine.PausedUntil - Scheduler.Now, Resume);
            _stalled.Enqueue(action);
            return;
        }

        Scheduler.Note(Machine.Number);
        try
        {
            action();
        }
        catch (Exception e) when (e is SimulatedCrashException || !IsAlive)
        {
            // Death says how it ended; or it had ended before, and something of it still ran.
            if (e is SimulationViolationException)
                throw;
        }
        catch (InvariantViolationException e) when (IsAlive)
        {
            throw new SimulationViolationException($"node {Machine.Number} broke an invariant of its own: {e.Message}\n{e.StackTrace}");
        }

        _cluster.AfterEvent(this);
    }

    /// <summary>A turn to come stands still for a while, after one of its looks at the clock.</summary>
    public void StallTurn(long time, int? shard = null) => (_driver.StallFor, _driver.StallShard) = (time, shard);

    /// <summary>Nothing holds it up any more.</summary>
    public void Mend()
    {
        _driver.StallFor = 0;
        Resume();
    }

    /// <summary>A pause is over, or shorter than it was to be: what has come meanwhile happens, in the order in which it came.</summary>
    public void Resume()
    {
        if (Machine.PausedUntil > Scheduler.Now)
        {
            Scheduler.After(Machine.PausedUntil - Scheduler.Now, Resume);
            return;
        }

        while (_stalled.TryDequeue(out var action))
            After(0, action);
    }

    /// <summary>A shard has had a turn.</summary>
    public void AfterTurn(Shard shard)
    {
        // It may have ended while the turn stood still.
        if (IsAlive)
            _cluster.Oracles.AfterTurn(this, shard);
    }

    /// <summary>The RESP server of a group's keys.</summary>
    public RespServer Server(uint group)
    {
        if (!_servers.TryGetValue(group, out var server))
        {
            var context = new ServerContext(Node.Runtime, new SingleGroupRouter(group), Describe, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance)
            {
                Clock = Machine.Clock,
                NodeName = Machine.Name,
                RequestTimeout = TimeSpan.FromSeconds(2),
                Limits = new RespLimits { MaxReplyBytes = _cluster.Options.ReplyBytes },
            };
            server = new RespServer(context, item => After(SimulatedTime.Microsecond, item.Execute));
            _servers.Add(group, server);
        }

        return server;
    }

    /// <summary>A client's connection, which breaks when the process ends.</summary>
    public void Attach(RespLink link) => _links.Add(link);

    /// <summary>It has ended. Peers and clients hear of it unless the machine went with it.</summary>
    public void End(bool silently)
    {
        IsAlive = false;
        _disk.End();
        Transport.End(silently);
        if (silently)
            return;
        foreach (var link in _links)
            link.OnServerGone();
    }

    /// <summary>What is left when it stops in good order: the same calls as production makes.</summary>
    public void StopInOrder()
    {
        var stopped = Node.Runtime.DisposeAsync();
        if (!stopped.IsCompleted)
            throw new SimulationViolationException($"node {Machine.Number} does not stop without waiting for something that nobody does");
        stopped.GetAwaiter().GetResult();
        Node.Directory.Dispose();
    }

    private ClusterDescription Describe() => new([], 1, []);
}
