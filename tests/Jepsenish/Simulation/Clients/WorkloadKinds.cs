namespace RaftKv.Tests.Jepsenish.Simulation.Clients;

/// <summary>What clients of a run do. Few kinds in a run let many clients meet on the same keys. Named in scenario files: names are kept.</summary>
[Flags]
internal enum WorkloadKinds
{
    /// <summary>Single keys: reads, writes, compare-and-set, appends.</summary>
    Registers = 1,

    /// <summary>Transfers between accounts, and the total.</summary>
    Bank = 2,

    /// <summary>Transactions on lists.</summary>
    Lists = 4,

    /// <summary>Keys with a time to live.</summary>
    Expiry = 8,

    /// <summary>Everything.</summary>
    All = Registers | Bank | Lists | Expiry,
}
