using RaftKv.Tests.Harness.Store;
using Xunit;

namespace RaftKv.Tests.Properties.Store;

/// <summary>Both stores against the in-memory one that never crashes: see <see cref="StoreSimulation"/>.</summary>
public class StoreEquivalenceProperties
{
    [Fact]
    public void The_faster_store_equals_its_twin_across_crashes() => StoreCases.Run(12, StoreSimulation.RunFaster);

    [Fact]
    public void The_memory_store_recovers_its_checkpoints_across_crashes() => StoreCases.Run(12, StoreSimulation.RunMemory);
}
