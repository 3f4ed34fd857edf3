namespace RaftKv.Engine.Wal;

/// <summary>What a log has done since it was opened, and what it holds.</summary>
/// <param name="Batches">Batches made durable.</param>
/// <param name="Frames">Writes to the device, each of one or more batches (or none, to prove that the write before it was durable).</param>
/// <param name="Bytes">Bytes of those writes.</param>
/// <param name="Syncs">Data syncs of the write path.</param>
/// <param name="Segments">Segments that hold the log, spares not counted.</param>
/// <param name="SegmentBytes">Bytes of those segments.</param>
/// <param name="LiveBytes">Bytes of records that are still needed.</param>
/// <param name="SpareSegments">Segments prepared ahead.</param>
/// <param name="RewrittenBytes">Bytes of live records written again so that old segments come free.</param>
/// <param name="LastSyncNanoseconds">Duration of the last data sync, by <see cref="WalOptions.Clock"/>.</param>
public readonly record struct WalStatistics(
    long Batches, long Frames, long Bytes, long Syncs, int Segments, long SegmentBytes, long LiveBytes, int SpareSegments, long RewrittenBytes, long LastSyncNanoseconds);
