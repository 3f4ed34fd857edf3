namespace RaftKv.Engine.Wal;

/// <summary>
/// A write or sync failed: what the disk holds is unknown, so the log takes nothing more, and nothing that was not acknowledged before ever will be.
/// Never retried: the kernel drops dirty pages after a failed sync and reports the next one as a success.
/// </summary>
public sealed class WalFailedException(string message, Exception inner) : IOException(message, inner);
