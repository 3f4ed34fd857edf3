namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>A property that must always hold does not. Nothing but the run itself may catch it.</summary>
internal sealed class SimulationViolationException(string message) : Exception(message);
