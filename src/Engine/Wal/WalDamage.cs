namespace RaftKv.Engine.Wal;

/// <summary>One damaged place that recovery found.</summary>
/// <param name="Segment">The segment's number.</param>
/// <param name="Offset">Where in its file the damage begins.</param>
/// <param name="MissingFrom">The first batch sequence that is missing, 0 if unknown.</param>
/// <param name="MissingThrough">The last batch sequence that is missing, 0 if unknown.</param>
/// <param name="Description">One sentence for the operator.</param>
public sealed record WalDamage(ulong Segment, long Offset, ulong MissingFrom, ulong MissingThrough, string Description);
