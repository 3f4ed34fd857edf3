namespace RaftKv.Engine.Wal;

/// <summary>One log entry as the write-ahead log stores it. <see cref="Payload"/> is valid as long as its owner says.</summary>
public readonly record struct WalEntry(ulong Index, ulong Term, byte Kind, long Timestamp, ReadOnlyMemory<byte> Payload);
