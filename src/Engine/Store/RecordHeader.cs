namespace RaftKv.Engine.Store;

/// <summary>What is kept beside a value.</summary>
/// <param name="Revision">Log index of the entry that wrote the record.</param>
/// <param name="ExpireAt">State-machine time, milliseconds since the Unix epoch, up to and including which the record lives; 0 for ever. A time that is cut to milliseconds has begun before it is seen to change, so "until the next one" is never early.</param>
public readonly record struct RecordHeader(ulong Revision, long ExpireAt);
