namespace RaftKv.Tests.Harness.Io;

/// <summary>The simulated machine lost power at this call. No <see cref="IOException"/>: nothing but the driver of the simulation may catch it.</summary>
public sealed class SimulatedCrashException(string message) : Exception(message);
