using RaftKv.Tests.Harness.Raft;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Properties.Consensus.Raft;

/// <summary>The Raft core under every fault at once, seed by seed. RAFTKV_CASES sets how many, RAFTKV_SEED where to begin (one seed with RAFTKV_CASES=1 replays a failure).</summary>
public class RaftSafetyTests(ITestOutputHelper output)
{
    private static ulong FirstSeed => ulong.TryParse(Environment.GetEnvironmentVariable("RAFTKV_SEED"), out var seed) ? seed : 1;

    private static ulong Cases(ulong byDefault) => ulong.TryParse(Environment.GetEnvironmentVariable("RAFTKV_CASES"), out var cases) ? cases : byDefault;

    [Fact]
    public void Random_groups_stay_safe_under_faults_and_recover_when_they_end()
    {
        long elections = 0, leases = 0, reads = 0, committed = 0;
        for (var seed = FirstSeed; seed < FirstSeed + Cases(25); seed++)
        {
            var simulation = new RaftSimulation(SimulationOptions.FromSeed(seed));
            simulation.Run();
            elections += simulation.Checker.Elections;
            leases += simulation.Checker.LeaseChecks;
            reads += simulation.Checker.Reads;
            committed += (long)simulation.Checker.MaxCommitted;
        }

        output.WriteLine($"{elections} elections, {leases} lease checks, {reads} reads, {committed} entries");
        Assert.True(elections > 0 && leases > 0 && reads > 0 && committed > 0, "the runs did nothing worth checking");
    }

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        ulong Hash(ulong seed)
        {
            var simulation = new RaftSimulation(SimulationOptions.FromSeed(seed));
            simulation.Run();
            return simulation.EventHash;
        }

        Assert.Equal(Hash(7), Hash(7));
        Assert.NotEqual(Hash(7), Hash(8));
    }
}
