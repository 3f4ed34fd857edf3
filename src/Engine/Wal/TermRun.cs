namespace RaftKv.Engine.Wal;

/// <summary>Entries from <paramref name="FirstIndex"/> on, to the next run, have <paramref name="Term"/>.</summary>
public readonly record struct TermRun(ulong FirstIndex, ulong Term);
