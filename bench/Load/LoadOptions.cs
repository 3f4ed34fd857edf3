using System.Net;

namespace RaftKv.Bench.Load;

/// <summary>What is asked of the server.</summary>
public enum Mix
{
    /// <summary>Writes only.</summary>
    Set,

    /// <summary>Reads only.</summary>
    Get,

    /// <summary>Nine reads to one write.</summary>
    Mixed,
}

/// <summary>One load.</summary>
public sealed record LoadOptions
{
    /// <summary>Where the clients connect, in turn.</summary>
    public required IReadOnlyList<DnsEndPoint> EndPoints { get; init; }

    /// <summary>Connections.</summary>
    public int Clients { get; init; } = 256;

    /// <summary>Requests that a client sends together, and waits for together. Closed loop only.</summary>
    public int Pipeline { get; init; } = 1;

    /// <summary>Bytes of a value.</summary>
    public int Size { get; init; } = 256;

    /// <summary>Reads, writes, or both.</summary>
    public Mix Mix { get; init; } = Mix.Set;

    /// <summary>Number of different keys, drawn evenly.</summary>
    public int Keys { get; init; } = 100_000;

    /// <summary>How long is measured.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long runs before the measuring begins.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Requests a second in all, sent when they are due whatever became of those before (open loop); 0 for each client to send when its last was answered (closed loop).</summary>
    public double Rate { get; init; }

    /// <summary>Redis only: each write is followed by WAIT for this many replicas, and counted when both are answered. Closed loop only.</summary>
    public int WaitReplicas { get; init; }

    /// <summary>Seed of keys and of the mix.</summary>
    public int Seed { get; init; } = 1;
}
