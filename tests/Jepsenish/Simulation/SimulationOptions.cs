using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Jepsenish.Simulation.Clients;
using RaftKv.Tests.Jepsenish.Simulation.Faults;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>
/// What a run is like: drawn from its seed, so that every seed has a mix of its own (Groce et al., "Swarm Testing", ISSTA 2012), or read from a scenario.
/// Together with the seed it determines everything that happens.
/// </summary>
internal sealed record SimulationOptions
{
    /// <summary>Source of all randomness.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Nodes, 1 to 7.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>Groups, 1 to 32.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Shards of each node. With one, its thread drives the log, and stands still while it syncs; with more, the log has its own.</summary>
    public int Shards { get; init; } = 1;

    /// <summary>Clients, each with one request at a time.</summary>
    public int Clients { get; init; } = 6;

    /// <summary>What clients do, one kind after the other.</summary>
    public WorkloadKinds Workloads { get; init; } = WorkloadKinds.All;

    /// <summary>Keys of each kind in each group.</summary>
    public int Keys { get; init; } = 3;

    /// <summary>How often, in a thousand requests, a client goes on at another node.</summary>
    public int RoamPerMille { get; init; } = 10;

    /// <summary>Longest pause of a client between two requests.</summary>
    public long ThinkTime { get; init; } = 20 * Millisecond;

    /// <summary>Longest lull of a client: requests come in bursts, so that many meet and groups quiesce, and the time between bursts costs little to simulate.</summary>
    public long LullTime { get; init; }

    /// <summary>How long clients and faults go on.</summary>
    public long Duration { get; init; } = 8 * Second;

    /// <summary>Segment size of the log.</summary>
    public int SegmentBytes { get; init; } = 64 << 10;

    /// <summary>Size of the log above which live records of its oldest segment are written again.</summary>
    public int RewriteAboveBytes { get; init; } = 256 << 20;

    /// <summary>Applied bytes after which a checkpoint is taken.</summary>
    public int CheckpointBytes { get; init; } = 64 << 10;

    /// <summary>Log bytes kept behind a checkpoint for slow followers.</summary>
    public int RetainedLogBytes { get; init; } = 64 << 10;

    /// <summary>Size of a piece of an image.</summary>
    public int ChunkBytes { get; init; } = 4 << 10;

    /// <summary>Longest frame between nodes.</summary>
    public int FrameBytes { get; init; } = 64 << 20;

    /// <summary>Bytes that may wait for a connection between nodes before frames are dropped.</summary>
    public int QueuedBytes { get; init; } = 64 << 20;

    /// <summary>Bytes of forwarded commands that may be unanswered, per group.</summary>
    public int ForwardedBytes { get; init; } = 8 << 20;

    /// <summary>Bytes of frames that may wait for a shard.</summary>
    public int InboxBytes { get; init; } = 256 << 20;

    /// <summary>Bytes of a shard's batch for the log after which it leaves before the turn is over.</summary>
    public int BatchBytes { get; init; } = 64 << 20;

    /// <summary>Writes, in a thousand, that are transactions of several values of <see cref="LargeBytes"/>.</summary>
    public int LargePerMille { get; init; }

    /// <summary>Length of a large value.</summary>
    public int LargeBytes { get; init; } = 4 << 10;

    /// <summary>How often, in a thousand pieces of replies, a client takes nothing more for a while.</summary>
    public int SlowReadsPerMille { get; init; }

    /// <summary>Bytes of results that wait for a client after which nothing more is begun for it.</summary>
    public int ReplyBytes { get; init; } = 16 << 20;

    /// <summary>Bytes of entries in one message.</summary>
    public int AppendBytes { get; init; } = 1 << 20;

    /// <summary>Bytes of applied entries kept in memory; older ones are read from the log.</summary>
    public int CachedBytes { get; init; } = 1 << 20;

    /// <summary>Messages to one follower that may be unacknowledged.</summary>
    public int InflightMessages { get; init; } = 256;

    /// <summary>A leader with nothing to do quiesces after this; 0 for never.</summary>
    public long QuiesceAfter { get; init; } = 2 * Second;

    /// <summary>How long a node must have been connected and willing before its groups are given back to it.</summary>
    public long SteadyBeforeLeading { get; init; } = 5 * Second;

    /// <summary>Whether leaders serve reads by a lease; otherwise each read asks a quorum.</summary>
    public bool HasLeases { get; init; } = true;

    /// <summary>Bytes of entries that a leader takes beyond what is committed.</summary>
    public int UncommittedBytes { get; init; } = 64 << 20;

    /// <summary>Longest value written, bytes.</summary>
    public int ValueBytes { get; init; } = 64;

    /// <summary>Shortest time between two machines.</summary>
    public long MinDelay { get; init; } = 30 * Microsecond;

    /// <summary>Longest time between two machines.</summary>
    public long MaxDelay { get; init; } = 300 * Microsecond;

    /// <summary>Longest time of a sync on a healthy disk.</summary>
    public long SyncTime { get; init; } = 500 * Microsecond;

    /// <summary>Clocks of machines run fast or slow by at most this many parts per million. The stated bound is 20,000.</summary>
    public int DriftPerMillion { get; init; }

    /// <summary>The node whose clock is as slow as <see cref="DriftPerMillion"/> says, while all others are as fast; 0: each drifts its own way.</summary>
    public ulong SlowClock { get; init; }

    /// <summary>By how many milliseconds each node's wall clock is wrong when the run begins; empty: not at all.</summary>
    public IReadOnlyList<long> ClockErrors { get; init; } = [];

    /// <summary>What is done to the cluster, in order of time.</summary>
    public IReadOnlyList<PlannedFault> Faults { get; init; } = [];

    /// <summary>How many nodes stay broken when everything else is mended.</summary>
    public int BrokenForGood { get; init; }

    /// <summary>Name of what this run is, in print: first bytes of a hash over all of the above.</summary>
    [JsonIgnore]
    public string Name => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(this)))[..8];

    /// <summary>The mix of a seed.</summary>
    public static SimulationOptions Draw(ulong seed)
    {
        var random = Randomness.Fork(seed, "options");
        var nodes = random.Pick([3, 3, 3, 3, 5, 5, 3, 1, 2, 4, 7]);
        // Many groups on many nodes cost most of all and show little more.
        var groups = random.Pick([1, 1, 1, 2, 3, 5, 8, nodes < 5 || random.Chance(250) ? 32 : 4]);
        var options = new SimulationOptions
        {
            Seed = seed,
            Nodes = nodes,
            Groups = groups,
            Shards = random.Pick([1, 1, 2, 3]),
            Clients = random.Between(2, 10),
            Workloads = random.Pick([WorkloadKinds.All, WorkloadKinds.All, WorkloadKinds.Registers, WorkloadKinds.Lists, WorkloadKinds.Registers | WorkloadKinds.Lists, WorkloadKinds.Bank | WorkloadKinds.Expiry]),
            Keys = random.Between(1, 4),
            RoamPerMille = random.Pick([10, 10, 300]),
            ThinkTime = random.Pick([2 * Millisecond, 10 * Millisecond, 40 * Millisecond]),
            LullTime = random.Pick([500 * Millisecond, 1 * Second, 2 * Second]),
            Duration = random.Time(3, 10) * Second,
            SegmentBytes = random.Pick([8 << 10, 16 << 10, 64 << 10, 256 << 10]),
            RewriteAboveBytes = random.Pick([0, 0, 64 << 10, 256 << 20]),
            CheckpointBytes = random.Pick([1 << 10, 4 << 10, 16 << 10, 1 << 20]),
            RetainedLogBytes = random.Pick([0, 0, 1 << 10, 16 << 10, 1 << 20]),
            ChunkBytes = random.Pick([64, 512, 64 << 10]),
            AppendBytes = random.Pick([1, 256, 1 << 20, 1 << 20]),
            CachedBytes = random.Pick([0, 1 << 10, 1 << 20]),
            InflightMessages = random.Pick([1, 2, 256]),
            QuiesceAfter = random.Pick([0, 300 * Millisecond, 300 * Millisecond, 2 * Second]),
            HasLeases = !random.Chance(200),
            UncommittedBytes = random.Pick([512, 64 << 20, 64 << 20, 64 << 20]),
            ValueBytes = random.Pick([16, 64, 1024, 4096]),
            MinDelay = random.Pick([10 * Microsecond, 100 * Microsecond]),
            MaxDelay = random.Pick([200 * Microsecond, 2 * Millisecond, 20 * Millisecond]),
            SyncTime = random.Pick([100 * Microsecond, 1 * Millisecond, 5 * Millisecond]),
            DriftPerMillion = random.Pick([0, 100, 10_000]),
            BrokenForGood = random.Chance(300) ? random.Below(((nodes - 1) / 2) + 1) : 0,
        };
        options = DrawLarge(options);
        options = options with { SteadyBeforeLeading = Randomness.Fork(seed, "steady").Pick([5 * Second, 200 * Millisecond, 50 * Millisecond]) };
        options = options with { Faults = FaultPlan.Draw(options, random), ClockErrors = DrawClockErrors(nodes, Randomness.Fork(seed, "clock errors")) };
        return AtTheDriftBound(options, Randomness.Fork(seed, "drift bound"));
    }

    /// <summary>Wall clocks that are wrong from the start on, by hours or years: one node's, a minority's, everybody's.</summary>
    private static List<long> DrawClockErrors(int nodes, SeededRandom random)
    {
        var wrong = random.Pick([0, 0, 1, 1, (nodes - 1) / 2, nodes]);
        var error = random.Pick([1, -1]) * random.Pick([30_000L, 3_600_000, 24 * 3_600_000, 10L * 365 * 24 * 3_600_000]);
        var first = random.Below(nodes);
        return wrong == 0 ? [] : [.. Enumerable.Range(0, nodes).Select(i => (i - first + nodes) % nodes < wrong ? error : 0)];
    }

    /// <summary>
    /// Some runs in which one clock is as slow, and all others as fast, as leases allow for, and everything else is quick; a leader's connections break, and it cannot be reached: if it is the slow one,
    /// its lease must be over by a hair when the others have elected another.
    /// </summary>
    private static SimulationOptions AtTheDriftBound(SimulationOptions options, SeededRandom random)
    {
        if (options.Nodes < 3 || !random.Chance(120))
            return options;
        var resets = Enumerable.Range(1, 8).Select(i => new PlannedFault(i * 900 * Millisecond, FaultKind.ResetLinks, 0, (uint)random.Between(1, options.Groups), random.Time(200 * Millisecond, 500 * Millisecond), random.Next()));
        return options with
        {
            DriftPerMillion = 10_000, SlowClock = (ulong)random.Between(1, options.Nodes), HasLeases = true, Duration = 8 * Second,
            MinDelay = 5 * Microsecond, MaxDelay = 10 * Microsecond, SyncTime = 20 * Microsecond, Faults = [.. resets],
        };
    }

    /// <summary>Large values and transactions of them, and limits near by. A value in a command, an entry or an image fits a frame; several of them need not.</summary>
    private static SimulationOptions DrawLarge(SimulationOptions options)
    {
        var random = Randomness.Fork(options.Seed, "large");
        if (!random.Chance(300))
            return options;
        var frame = random.Pick([32 << 10, 48 << 10, 64 << 10]);
        return options with
        {
            FrameBytes = frame,
            QueuedBytes = frame * random.Pick([2, 4, 16]),
            ForwardedBytes = random.Pick([1, 16 << 10, 64 << 10]),
            InboxBytes = frame * random.Pick([1, 4]),
            BatchBytes = random.Pick([1, 4 << 10, 64 << 20]),
            LargePerMille = random.Pick([20, 100, 300]),
            LargeBytes = frame / random.Pick([3, 5, 9]),
            // A session's results, kept whole in a record of an image, are longer than such frames (in production a frame takes what a session retains, and more): everybody catches up by the log.
            RetainedLogBytes = 1 << 30,
            SlowReadsPerMille = random.Pick([0, 20, 200]),
            ReplyBytes = random.Pick([1, 16 << 10, 16 << 20]),
        };
    }
}
