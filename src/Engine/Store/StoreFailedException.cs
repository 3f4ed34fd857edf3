namespace RaftKv.Engine.Store;

/// <summary>
/// The disk under the store failed a write or a sync while it was running. What is on disk is unknown from then on: no call on the store succeeds any more,
/// and no checkpoint completes. The inner exception is what the disk said.
/// </summary>
public sealed class StoreFailedException(string message, Exception? inner = null) : IOException(message, inner);
