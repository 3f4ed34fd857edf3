namespace RaftKv.Engine.Wal;

/// <summary>The directory holds the log of another cluster or node.</summary>
public sealed class ForeignDataException(string message) : IOException(message);
