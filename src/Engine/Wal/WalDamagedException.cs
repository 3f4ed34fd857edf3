namespace RaftKv.Engine.Wal;

/// <summary>Bytes that the log once made durable are gone or changed. Nothing is cut or served in their place; the node's data must come again from its peers.</summary>
public sealed class WalDamagedException(string message, ulong segment, long offset, uint? group = null, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>The segment's number.</summary>
    public ulong Segment { get; } = segment;

    /// <summary>Where in the segment's file the first wrong byte may be.</summary>
    public long Offset { get; } = offset;

    /// <summary>The group whose record it is, where that is known.</summary>
    public uint? Group { get; } = group;
}
