using RaftKv.Tests.Jepsenish.Simulation.Faults;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>How a run ended and what it saw.</summary>
internal sealed record SimulationResult
{
    /// <summary>What was run.</summary>
    public required SimulationOptions Options { get; init; }

    /// <summary>What is wrong; null when all held.</summary>
    public string? Failure { get; init; }

    /// <summary>Hash over all events.</summary>
    public required ulong Hash { get; init; }

    /// <summary>Events that happened; a failure is at the last.</summary>
    public required long Events { get; init; }

    /// <summary>Simulated nanoseconds.</summary>
    public required long Time { get; init; }

    /// <summary>Real time that it took.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Requests of clients that were done.</summary>
    public required int Operations { get; init; }

    /// <summary>How requests ended.</summary>
    public required IReadOnlyDictionary<string, int> Outcomes { get; init; }

    /// <summary>Faults that took place.</summary>
    public required IReadOnlyDictionary<FaultKind, int> Faults { get; init; }

    /// <summary>Rare places that were reached, and how often.</summary>
    public required IReadOnlyDictionary<string, long> Markers { get; init; }

    /// <summary>Leaders elected.</summary>
    public required int Elections { get; init; }

    /// <summary>Valid leases held against the cluster.</summary>
    public required long LeaseChecks { get; init; }
}
