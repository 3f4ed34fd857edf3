using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;

namespace RaftKv.Tests.Harness.Raft;

/// <summary>What one seed makes a run of: every knob is drawn from it.</summary>
public sealed record SimulationOptions
{
    private const long Millisecond = 1_000_000;

    public required ulong Seed { get; init; }
    public int Nodes { get; init; } = 3;
    public int InitialVoters { get; init; } = 3;
    public long Duration { get; init; } = 8_000 * Millisecond;
    public int DropPerMille { get; init; }
    public int DuplicatePerMille { get; init; }
    public long MaxDelay { get; init; } = 2 * Millisecond;

    /// <summary>Share of messages that take up to two election timeouts: answers from another age.</summary>
    public int LatePerMille { get; init; }

    /// <summary>A kind of message that is late far more often than others, null for none: what a rare message from another age does is seldom met otherwise.</summary>
    public Type? LateKind { get; init; }

    /// <summary>When faults end, a random minority stays down for good.</summary>
    public bool LosesMinority { get; init; }
    public long MaxSync { get; init; } = 2 * Millisecond;
    public int SlowSyncPerMille { get; init; }

    /// <summary>Each node's clock runs fast or slow by up to half of this.</summary>
    public int DriftPerMille { get; init; } = 19;

    /// <summary>Mean time between faults.</summary>
    public long FaultEvery { get; init; } = 150 * Millisecond;

    /// <summary>Mean time between client operations.</summary>
    public long OperationEvery { get; init; } = 4 * Millisecond;
    public bool Crashes { get; init; } = true;
    public bool Pauses { get; init; } = true;
    public bool Partitions { get; init; } = true;
    public bool Reconfigures { get; init; } = true;
    public bool Transfers { get; init; } = true;
    public bool Checkpoints { get; init; } = true;
    public bool QuiesceSoon { get; init; }

    /// <summary>0: no leases, every read is a round.</summary>
    public long LeaseMilliseconds { get; init; } = 90;
    public long MaxInflightBytes { get; init; } = 4096;
    public int MaxInflightMessages { get; init; } = 4;
    public long MaxAppendBytes { get; init; } = 256;
    public long MaxCachedBytes { get; init; } = 512;

    private static readonly Type[] LateKinds =
        [typeof(TimeoutNow), typeof(VoteRequest), typeof(VoteResponse), typeof(AppendAccepted), typeof(HeartbeatAcknowledged), typeof(AppendEntries)];

    /// <summary>A swarm: each seed has its own mix of faults, so that rare combinations are not drowned by the average.</summary>
    public static SimulationOptions FromSeed(ulong seed)
    {
        var random = new DeterministicRandom(seed ^ 0x5EED);
        bool Coin() => random.Below(2) == 0;
        var nodes = (int)random.Below(7) + 1;
        return new SimulationOptions
        {
            Seed = seed,
            Nodes = nodes,
            InitialVoters = Coin() ? nodes : (int)random.Below(nodes) + 1,
            DropPerMille = Coin() ? 0 : (int)random.Below(200),
            DuplicatePerMille = Coin() ? 0 : (int)random.Below(300),
            MaxDelay = (1 + random.Below(Coin() ? 3 : 60)) * Millisecond,
            LatePerMille = Coin() ? 0 : (int)random.Below(50),
            LateKind = Coin() ? null : LateKinds[random.Below(LateKinds.Length)],
            LosesMinority = Coin(),
            LeaseMilliseconds = random.Below(4) == 0 ? 0 : 90,
            MaxSync = (1 + random.Below(Coin() ? 3 : 30)) * Millisecond,
            SlowSyncPerMille = Coin() ? 0 : (int)random.Below(20),
            FaultEvery = (40 + random.Below(400)) * Millisecond,
            OperationEvery = (1 + random.Below(10)) * Millisecond,
            Crashes = Coin(),
            Pauses = Coin(),
            Partitions = Coin(),
            Reconfigures = Coin(),
            Transfers = Coin(),
            Checkpoints = Coin(),
            QuiesceSoon = random.Below(4) == 0,
            MaxInflightMessages = (int)random.Below(8) + 1,
            MaxAppendBytes = 32 + random.Below(512),
            MaxCachedBytes = random.Below(2048),
        };
    }

    /// <summary>The knobs of one node's core.</summary>
    public RaftOptions For(ulong node) => new()
    {
        Self = node, ElectionTimeout = 300 * Millisecond, HeartbeatInterval = 25 * Millisecond, LeaderLeaseDuration = LeaseMilliseconds * Millisecond, DriftPerMille = 20,
        MaxInflightBytes = MaxInflightBytes, MaxInflightMessages = MaxInflightMessages, MaxAppendBytes = MaxAppendBytes, MaxUncommittedBytes = 4096, MaxCommittedBytes = 128,
        MaxCachedBytes = MaxCachedBytes, QuiesceAfter = QuiesceSoon ? 60 * Millisecond : 2_000 * Millisecond,
    };
}
