namespace RaftKv.Engine.Store;

/// <summary>How far a group's state has come: the last entry applied, its term, and state-machine time (milliseconds since the Unix epoch, a running maximum of entry timestamps).</summary>
public readonly record struct AppliedPosition(ulong Index, ulong Term, long Time);
