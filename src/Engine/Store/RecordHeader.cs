namespace RaftKv.Engine.Store;

/// <summary>What is kept beside a value.</summary>
/// <param name="Revision">Log index of the entry that wrote the record.</param>
/// <param name="ExpireAt">State-machine time, milliseconds since the Unix epoch, at and after which the record counts as absent; 0 for never.</param>
public readonly record struct RecordHeader(ulong Revision, long ExpireAt);
