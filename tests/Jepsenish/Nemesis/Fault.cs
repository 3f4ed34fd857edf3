namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>What is done to the processes, to the links between them, to their disks and clocks.</summary>
internal enum Fault
{
    /// <summary>kill -9 of the default group's leader.</summary>
    KillLeader,

    /// <summary>kill -9 of any node.</summary>
    KillAny,

    /// <summary>kill -9 of two of three.</summary>
    KillMajority,

    /// <summary>kill -9 of all at once.</summary>
    KillAll,

    /// <summary>The leader is frozen and later goes on, believing that no time has passed.</summary>
    PauseLeader,

    /// <summary>Any node is frozen.</summary>
    PauseAny,

    /// <summary>A node is killed again and again, soon after each start.</summary>
    RestartLoop,

    /// <summary>A node is asked to stop, as for maintenance; it must do so with exit code 0.</summary>
    Terminate,

    /// <summary>The leader hears nobody and is heard by nobody; its connections are not closed.</summary>
    IsolateLeader,

    /// <summary>As that, any node.</summary>
    IsolateAny,

    /// <summary>A node is heard by nobody, and hears all; or the other way round.</summary>
    OneWay,

    /// <summary>Two nodes do not hear each other, the third hears both: a bridge.</summary>
    Bridge,

    /// <summary>All links are down.</summary>
    Shatter,

    /// <summary>A node's connections are reset, and nobody reaches it.</summary>
    CutOff,

    /// <summary>The connections that a node has are half-open from now on; new ones work.</summary>
    HalfOpen,

    /// <summary>A node's links are late by tens to hundreds of milliseconds.</summary>
    SlowLinks,

    /// <summary>Of all that nodes say to each other, up to 30 % is lost.</summary>
    Loss,

    /// <summary>A node's links are as narrow as a modem.</summary>
    NarrowLinks,

    /// <summary>Bytes are changed on their way.</summary>
    Corruption,

    /// <summary>Connections break in the middle of a frame, again and again.</summary>
    Truncation,

    /// <summary>A node's syncs take tens to hundreds of milliseconds.</summary>
    SlowDisk,

    /// <summary>Syncs and writes of the leader do not come back.</summary>
    HungDisk,

    /// <summary>A node's syncs fail: it has to end by itself.</summary>
    SyncError,

    /// <summary>A node's writes fail: it has to end by itself.</summary>
    WriteError,

    /// <summary>No file of a node can grow.</summary>
    FullDisk,

    /// <summary>The wall clocks of all nodes jump, each its own way, by up to a day.</summary>
    ClockJump,

    /// <summary>The wall clock of one node steps forward or back, by up to a day.</summary>
    ClockStepOne,

    /// <summary>The wall clocks of all nodes step together.</summary>
    ClockStepAll,

    /// <summary>A node's syncs fail, and go on failing when it is started again in the same directory; the third time all is well.</summary>
    SyncErrorRestarts,

    /// <summary>Clients take every descriptor that a node has, on all of its ports.</summary>
    NoDescriptors,

    /// <summary>Clients ask for hundreds of megabytes and do not read them.</summary>
    SlowReaders,

    /// <summary>Clients send the first half of a large command and wait.</summary>
    HalfCommands,

    /// <summary>HTTP comes to the port of RESP, RESP to the port of HTTP, garbage to the port of peers.</summary>
    StrayRequests,
}
