namespace RaftKv.Engine.Store.Snapshots;

/// <summary>
/// Bytes of a snapshot image: a sequence of frames, each <c>length (4) crc32c (4) ordinal (4) flags (1) records...</c>, all little-endian. The length counts what follows the
/// checksum; the checksum covers it. A record is <c>keyspace (1) key length (4) value length (4) revision (8) expireAt (8) key value</c>. The last frame has flag 1 and ends
/// with <c>record count (8) index (8) term (8) time (8)</c>.
/// </summary>
/// <remarks>
/// Invariant: records ascend strictly by (keyspace, key), ordinals count up from 0; so equal states cut at equal sizes give equal bytes, and a frame that is lost, repeated, reordered or cut is noticed.
/// </remarks>
internal static class ImageFormat
{
    public const int FrameHeader = 8;
    public const int BodyHeader = 5;
    public const int RecordHeaderSize = 25;
    public const int TrailerSize = 32;
    public const byte LastFlag = 1;

    /// <summary>Keys and values longer than this are not a record of ours: a length field cannot make a receiver reserve more.</summary>
    public const int MaxPartLength = 1 << 28;
}
