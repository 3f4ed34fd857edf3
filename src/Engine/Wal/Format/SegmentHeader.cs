using System.Buffers.Binary;
using System.Globalization;
using RaftKv.Engine.Io;

namespace RaftKv.Engine.Wal.Format;

/// <summary>
/// The first 4,096 bytes of a segment, little-endian: magic "RAFTKVWL" (8), format version (4), zero (4), cluster (16), node (8), segment number (8),
/// CRC-32C of the bytes before it (4), zeros. Its place and meaning are the same in every format version, so that a version can always name the one it does not know.
/// </summary>
internal static class SegmentHeader
{
    /// <summary>Bytes of the head: a page, so that writing the first frame never rewrites it.</summary>
    public const int Size = 4096;

    /// <summary>The format that this code writes, and the only one that it reads.</summary>
    public const uint FormatVersion = 1;

    private const ulong Magic = 0x4C57_564B_5446_4152; // "RAFTKVWL"
    private const int ChecksumOffset = 48;

    /// <summary>The name of a segment's file.</summary>
    public static string FileName(ulong number) => string.Create(CultureInfo.InvariantCulture, $"wal-{number:x16}.seg");

    /// <summary>The name of the file while it is being zeroed: recovery deletes what bears it.</summary>
    public static string UnfinishedName(ulong number) => string.Create(CultureInfo.InvariantCulture, $"wal-{number:x16}.new");

    /// <summary>The name of the empty file that is there while recovery zeros what stands behind the last frame.</summary>
    public const string CutName = "wal-cut";

    /// <summary>Reads a number back from a file's name.</summary>
    public static bool TryParseName(string name, out ulong number)
    {
        number = 0;
        return name.Length == 24 && name.StartsWith("wal-", StringComparison.Ordinal) && name.EndsWith(".seg", StringComparison.Ordinal)
            && ulong.TryParse(name.AsSpan(4, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number) && FileName(number) == name;
    }

    /// <summary>
    /// What frame checksums of a segment start from: cluster, node and segment number. Bytes of another log, or of what the file held before it was reused, never pass for a frame;
    /// nor does a value that a client made up to look like one, unless it knows the cluster's identity.
    /// </summary>
    public static uint Seed(WalIdentity identity, ulong number)
    {
        Span<byte> bytes = stackalloc byte[32];
        identity.Cluster.TryWriteBytes(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], identity.Node);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], number);
        return Crc32C.Compute(bytes);
    }

    /// <summary>Fills <paramref name="target"/>, <see cref="Size"/> bytes.</summary>
    public static void Encode(Span<byte> target, WalIdentity identity, ulong number)
    {
        target[..Size].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(target, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], FormatVersion);
        identity.Cluster.TryWriteBytes(target[16..]);
        BinaryPrimitives.WriteUInt64LittleEndian(target[32..], identity.Node);
        BinaryPrimitives.WriteUInt64LittleEndian(target[40..], number);
        BinaryPrimitives.WriteUInt32LittleEndian(target[ChecksumOffset..], Crc32C.Compute(target[..ChecksumOffset]));
    }

    /// <summary>Whether the header is intact and belongs to this segment; otherwise the damage.</summary>
    /// <exception cref="ForeignDataException">It is another cluster's or node's.</exception>
    /// <exception cref="UnsupportedFormatException">It is of a later format.</exception>
    public static bool Check(ReadOnlySpan<byte> source, WalIdentity identity, ulong number, string path)
    {
        if (source.Length < Size || BinaryPrimitives.ReadUInt64LittleEndian(source) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(source[ChecksumOffset..]) != Crc32C.Compute(source[..ChecksumOffset]))
            return false;
        var version = BinaryPrimitives.ReadUInt32LittleEndian(source[8..]);
        if (version != FormatVersion)
            throw new UnsupportedFormatException($"{path} has log format {version}; this version of RaftKv reads format {FormatVersion} only.");
        var cluster = new Guid(source.Slice(16, 16));
        if (cluster != identity.Cluster)
            throw new ForeignDataException($"{path} belongs to cluster {cluster}, not to this cluster {identity.Cluster}.");
        var node = BinaryPrimitives.ReadUInt64LittleEndian(source[32..]);
        if (node != identity.Node)
            throw new ForeignDataException($"{path} belongs to node {node}, not to this node {identity.Node}.");
        return BinaryPrimitives.ReadUInt64LittleEndian(source[40..]) == number;
    }
}
