namespace RaftKv.Engine.State.Sessions;

/// <summary>Constants of the format: all replicas must agree on them for ever, for they decide what is remembered.</summary>
public static class SessionLimits
{
    /// <summary>Outcomes that a session remembers: those of its last so many sequence numbers.</summary>
    public const int Window = 65_536;

    /// <summary>Sessions of a group; opening one more evicts the one that has been idle for longest.</summary>
    public const int MaxSessions = 10_000;

    /// <summary>State-machine milliseconds without a request after which a session is evicted.</summary>
    public const long IdleTime = 3_600_000;

    /// <summary>Bytes of results (beyond 8 each) that a session retains; the oldest are dropped first. A retry of a request whose result was dropped ends as Forgotten.</summary>
    public const int MaxRetainedBytes = 16 * 1024 * 1024;

    /// <summary>Bytes of results that all sessions of a group retain; the bodies of those that have been idle for longest are dropped first.</summary>
    public const int MaxRetainedInAll = 64 * 1024 * 1024;

    /// <summary>Outcomes saved together in one record.</summary>
    internal const int PageSize = 256;
}
