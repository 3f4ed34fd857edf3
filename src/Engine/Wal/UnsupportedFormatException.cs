namespace RaftKv.Engine.Wal;

/// <summary>The log was written by a later version of RaftKv, in a format that this one does not know.</summary>
public sealed class UnsupportedFormatException(string message) : IOException(message);
