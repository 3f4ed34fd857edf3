namespace RaftKv.Tests.Jepsenish.Simulation.Faults;

/// <summary>What can be done to a cluster. Named in scenario files: names are kept.</summary>
internal enum FaultKind
{
    /// <summary>A process ends at once; what it wrote is in the machine's page cache.</summary>
    Kill,

    /// <summary>A process ends at one of its next disk operations.</summary>
    KillAtDiskOperation,

    /// <summary>A machine loses power: any subset of what was not synced is lost.</summary>
    PowerCut,

    /// <summary>A machine loses power at one of its next disk operations, which may be done in part.</summary>
    PowerCutAtDiskOperation,

    /// <summary>All machines lose power at once.</summary>
    PowerCutOfAll,

    /// <summary>A process is asked to stop: it transfers its leaderships, closes its files, and is started again.</summary>
    Stop,

    /// <summary>All processes are asked to stop at once, and are started again.</summary>
    StopOfAll,

    /// <summary>A process stands still.</summary>
    Pause,

    /// <summary>A shard's thread stands still within a turn, right after a look at the clock; the process's other threads go on.</summary>
    StallTurn,

    /// <summary>The nodes fall into two sides that cannot reach each other.</summary>
    Partition,

    /// <summary>One node sees nobody, and the other way round.</summary>
    Isolate,

    /// <summary>
    /// A leader is cut off and goes on taking requests, until others have elected another: its tail will conflict with their log. Sometimes their clocks are set hours ahead meanwhile, which ends the sessions
    /// of requests that are to be tried again, and frames are lost when it comes back.
    /// </summary>
    IsolatedLeader,

    /// <summary>Two sides that share one node.</summary>
    Bridge,

    /// <summary>Bytes of one direction between two nodes do not arrive.</summary>
    CutOneWay,

    /// <summary>A link between two nodes is slow.</summary>
    SlowLink,

    /// <summary>Frames are lost, doubled, overtake each other.</summary>
    LossyNetwork,

    /// <summary>Bits of frames change on the way.</summary>
    CorruptingNetwork,

    /// <summary>Bytes of images change before their frames are sealed.</summary>
    SpoiltImages,

    /// <summary>Appends lose their last entries, and what is left of them is as true as before: as from a leader that sends in smaller portions (another version may).</summary>
    ShortenedAppends,

    /// <summary>A disk is slow.</summary>
    SlowDisk,

    /// <summary>A disk answers nothing.</summary>
    HungDisk,

    /// <summary>A disk is full.</summary>
    FullDisk,

    /// <summary>A sync fails.</summary>
    FailedSync,

    /// <summary>A write fails.</summary>
    FailedWrite,

    /// <summary>A bit of a file changes on a disk.</summary>
    BitRot,

    /// <summary>A write lands elsewhere in its file.</summary>
    MisdirectedWrite,

    /// <summary>The files of a machine's log are gone, and nothing else is.</summary>
    LostLog,

    /// <summary>A machine's disk is replaced by an empty one.</summary>
    Wipe,

    /// <summary>The connections to a leader break on the other nodes' side, and nothing passes between it and them for a while. Not drawn: for runs whose clocks are at the bound of drift.</summary>
    ResetLinks,

    /// <summary>A wall clock jumps, or all do, by the same or each its own way.</summary>
    ClockJump,

    /// <summary>A leader is asked to transfer its leadership.</summary>
    Transfer,

    /// <summary>A group's configuration changes.</summary>
    Membership,
}
