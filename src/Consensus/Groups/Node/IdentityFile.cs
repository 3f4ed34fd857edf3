using System.Buffers.Binary;
using System.Text;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Io;

namespace RaftKv.Consensus.Groups.Node;

/// <summary>The bytes of a data directory's file <c>identity</c>; see docs/FORMATS.md.</summary>
internal static class IdentityFile
{
    /// <summary>Its name.</summary>
    public const string Name = "identity";

    /// <summary>More bytes than any has.</summary>
    public const int MaxBytes = 4096;

    private const int FormatVersion = 2;
    private const int FixedBytes = 51;

    private static ReadOnlySpan<byte> Magic => "RAFTKVID"u8;

    /// <summary>Encodes an identity and the number of its stores.</summary>
    public static byte[] Encode(NodeIdentity identity, int stores)
    {
        byte[][] texts = [Encoding.UTF8.GetBytes(identity.Name), Encoding.UTF8.GetBytes(identity.ClusterName), Encoding.UTF8.GetBytes(identity.Members)];
        var content = new byte[FixedBytes + texts.Sum(t => t.Length) + sizeof(uint)];
        Magic.CopyTo(content);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(8), FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(12), identity.Cluster);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(20), identity.Number);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(28), identity.Incarnation);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(36), (uint)stores);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(40), (uint)identity.Groups);
        content[44] = identity.IsFinal ? (byte)1 : (byte)0;
        var at = FixedBytes;
        for (var i = 0; i < texts.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(content.AsSpan(45 + (2 * i)), (ushort)texts[i].Length);
            texts[i].CopyTo(content, at);
            at += texts[i].Length;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(at), Crc32C.Compute(content.AsSpan(..at)));
        return content;
    }

    /// <summary>Decodes the file of a data directory.</summary>
    /// <exception cref="DataDirectoryException">It is damaged, or of another version.</exception>
    public static (NodeIdentity Identity, int Stores) Decode(string directory, ReadOnlySpan<byte> content)
    {
        // Magic, version and the checksum at the end are where they are in every version: a flipped bit in the version is damage, not a later version.
        if (content.Length < 16 || !content.StartsWith(Magic))
            throw Damaged(directory, $"it does not begin as one ({content.Length} bytes)");
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(content[^4..]);
        var computed = Crc32C.Compute(content[..^4]);
        if (stored != computed)
            throw Damaged(directory, $"its checksum is {computed:x8}, expected {stored:x8}");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(content[8..]);
        if (version != FormatVersion)
            throw new DataDirectoryException(
                DataDirectoryProblem.OtherVersion, $"data directory {directory} has format version {version}; this program reads version {FormatVersion}");
        if (content.Length < FixedBytes + sizeof(uint))
            throw Damaged(directory, $"its length, {content.Length} bytes, does not fit its content");
        int name = BinaryPrimitives.ReadUInt16LittleEndian(content[45..]), clusterName = BinaryPrimitives.ReadUInt16LittleEndian(content[47..]), members = BinaryPrimitives.ReadUInt16LittleEndian(content[49..]);
        if (content.Length != FixedBytes + name + clusterName + members + sizeof(uint))
            throw Damaged(directory, $"its length, {content.Length} bytes, does not fit its content");
        var stores = BinaryPrimitives.ReadUInt32LittleEndian(content[36..]);
        if (stores is < 1 or > DataDirectory.MaxStores)
            throw Damaged(directory, $"it names {stores} stores, expected 1 to {DataDirectory.MaxStores}");
        var groups = BinaryPrimitives.ReadUInt32LittleEndian(content[40..]);
        if (groups is < 1 or > NodeIdentity.MaxGroups)
            throw Damaged(directory, $"it names {groups} groups, expected 1 to {NodeIdentity.MaxGroups}");
        if (content[44] > 1)
            throw Damaged(directory, $"whether it is final is told by {content[44]}");
        try
        {
            var identity = new NodeIdentity(
                BinaryPrimitives.ReadUInt64LittleEndian(content[12..]),
                BinaryPrimitives.ReadUInt64LittleEndian(content[20..]),
                Encoding.UTF8.GetString(content.Slice(FixedBytes, name)),
                BinaryPrimitives.ReadUInt64LittleEndian(content[28..]))
            {
                ClusterName = Encoding.UTF8.GetString(content.Slice(FixedBytes + name, clusterName)),
                Members = Encoding.UTF8.GetString(content.Slice(FixedBytes + name + clusterName, members)),
                Groups = (int)groups,
                IsFinal = content[44] == 1,
            };
            return (identity, (int)stores);
        }
        catch (ArgumentException e)
        {
            throw Damaged(directory, e.Message, e);
        }
    }

    /// <summary>The file is damaged.</summary>
    public static DataDirectoryException Damaged(string directory, string how, Exception? inner = null) =>
        new(DataDirectoryProblem.Damaged, $"the file '{Name}' of data directory {directory} is damaged: {how}", inner);
}
