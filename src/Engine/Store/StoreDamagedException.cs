namespace RaftKv.Engine.Store;

/// <summary>
/// What is on disk is not a whole store: a checkpoint, or a part of the log that one vouches for, is missing or does not match its checksum.
/// The store refuses to serve any of it; the node rebuilds from its log or from a peer.
/// </summary>
public sealed class StoreDamagedException(string message, Exception? inner = null) : IOException(message, inner);
