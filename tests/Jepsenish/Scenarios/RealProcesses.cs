using Xunit;

namespace RaftKv.Tests.Jepsenish.Scenarios;

/// <summary>Tests that start real processes run one after the other: they load the machine, and time matters to what they test.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RealProcesses
{
    public const string Name = "real processes";
}
