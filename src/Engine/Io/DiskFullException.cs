namespace RaftKv.Engine.Io;

/// <summary>The disk has no space left, or the process no file descriptor. The one I/O error that a node survives: what was asked for is refused, and may be asked for again.</summary>
public sealed class DiskFullException(string message, Exception? inner = null) : IOException(message, inner);
