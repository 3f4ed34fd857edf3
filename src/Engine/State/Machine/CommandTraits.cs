namespace RaftKv.Engine.State.Machine;

/// <summary>What is true of a kind of command, whatever its operands.</summary>
[Flags]
internal enum CommandTraits
{
    /// <summary>It changes one record, for a log entry, by itself only.</summary>
    None = 0,

    /// <summary>It changes nothing.</summary>
    ReadOnly = 1,

    /// <summary>It may run as a query: it changes nothing, or consists of commands of which each is asked.</summary>
    Query = 2,

    /// <summary>It may be part of a batch.</summary>
    InBatch = 4,

    /// <summary>It may change more than one record, so that readers beside the applying thread could see it half done, and a defect would leave it half done.</summary>
    ChangesSeveral = 8,

    /// <summary>It may be applied on a disk that is about to be full: it removes, which is how space comes back, or is what a client needs to do so.</summary>
    NeedsNoSpace = 16,
}
