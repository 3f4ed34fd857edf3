namespace RaftKv.Engine.State;

/// <summary>The other replicas skipped an entry that this one applied: its state is not theirs.</summary>
public sealed class SkippedEntryWasAppliedException(uint group, ulong index)
    : InvalidOperationException($"entry {index} of group {group} was skipped by the other replicas and applied by this one, whose state therefore differs: it must be re-created from them");
