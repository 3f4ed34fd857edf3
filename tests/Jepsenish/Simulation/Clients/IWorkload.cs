namespace RaftKv.Tests.Jepsenish.Simulation.Clients;

/// <summary>What clients do, and what must be true of what they saw.</summary>
internal interface IWorkload
{
    /// <summary>One operation of a client, recorded.</summary>
    Task StepAsync(Client client);

    /// <summary>Reads everything once more, when all is mended.</summary>
    Task FinishAsync(Client client);

    /// <summary>Judges.</summary>
    /// <exception cref="SimulationViolationException">What clients saw cannot be.</exception>
    void Check();
}
