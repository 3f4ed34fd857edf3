namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>What is done to the processes.</summary>
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
}
