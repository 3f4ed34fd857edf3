using System.Buffers.Binary;
using System.Globalization;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store.HybridLog;

namespace RaftKv.Engine.Store.Checkpoints;

/// <summary>What a manifest says of a group: how far it has come, and which incarnations hold its keys.</summary>
internal readonly record struct ManifestGroup(uint Group, AppliedPosition Applied, uint SystemIncarnation, uint UserIncarnation);

/// <summary>
/// The one thing on disk that says what the store is: file <c>manifest-N</c>, N decimal of 20 digits, rising by one with each checkpoint. Everything little-endian:
/// <c>magic (8) version (4) page bytes (8) segment bytes (8) sequence (8) begin (8) tail (8) serial (8) keys (8) index bytes (8) next incarnation (4) token (16)
/// groups (4), each: number (4) index (8) term (8) time (8) system incarnation (4) user incarnation (4);
/// FASTER's metadata: length (4) bytes; last block: length (4) bytes; CRC32C of all that (4)</c>.
/// The log it vouches for is [begin, tail): its files, their lengths and checksums follow from the layout of <see cref="HybridLogDevice"/>, where each block carries its own.
/// The last block is the part of the log's last block below tail: that block is written again as the log grows, so the manifest keeps its own copy.
/// </summary>
/// <remarks>
/// Invariant: a manifest exists under its final name only if it, and all of the log that it vouches for, was synced before: <see cref="Save"/> is called after the log's sync.
/// Invariant: blocks of the log below the last one are never written again while a manifest vouches for them.
/// </remarks>
internal sealed record StoreManifest
{
    private const ulong Magic = 0x3149_4E4D_564B_5452;
    private const uint Version = 1;
    private const string Prefix = "manifest-";
    private const string Temporary = "manifest.tmp";

    public required long PageBytes { get; init; }

    public required long SegmentBytes { get; init; }

    /// <summary>Number of the checkpoint; 0 for the store as it was created.</summary>
    public ulong Sequence { get; init; }

    /// <summary>First address of the log that counts.</summary>
    public long Begin { get; init; }

    /// <summary>End of the log; 0 when it is empty.</summary>
    public long Tail { get; init; }

    /// <summary>Number of writes ever done by the applying session: FASTER's own record of it must agree.</summary>
    public long Serial { get; init; }

    /// <summary>Number of keys: the hash index is sized by it.</summary>
    public long Keys { get; init; }

    /// <summary>
    /// Size of the hash index under which the log was written. Records are chained on disk by their hash in that index: a larger one splits chains and still finds all, a smaller one would not.
    /// </summary>
    public long IndexBytes { get; init; }

    /// <summary>No incarnation at or above this was in use.</summary>
    public uint NextIncarnation { get; init; } = 1;

    /// <summary>FASTER's name for the checkpoint.</summary>
    public Guid Token { get; init; }

    public IReadOnlyList<ManifestGroup> Groups { get; init; } = [];

    public byte[] Metadata { get; init; } = [];

    public byte[] LastBlock { get; init; } = [];

    /// <summary>Sequence numbers of the manifests in a directory, newest first.</summary>
    public static List<ulong> List(IFileSystem files, string directory) => files.List(directory)
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .Select(name => ulong.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var sequence) && name == NameOf(sequence) ? sequence : (ulong?)null)
        .OfType<ulong>().OrderDescending().ToList();

    /// <summary>Writes the manifest durably: a temporary file, sync, rename, sync of the directory.</summary>
    public void Save(IFileSystem files, string directory)
    {
        var temporary = Path.Combine(directory, Temporary);
        files.DeleteFile(temporary);
        using (var file = files.Open(temporary, OpenMode.CreateNew))
        {
            file.Write(0, Serialize());
            file.SyncData();
        }
        files.Rename(temporary, PathOf(directory, Sequence));
        files.SyncDirectory(directory);
    }

    /// <summary>Reads a manifest; null if it is not whole.</summary>
    public static StoreManifest? TryLoad(IFileSystem files, string directory, ulong sequence)
    {
        byte[] content;
        using (var file = files.Open(PathOf(directory, sequence), OpenMode.Existing))
        {
            content = new byte[file.Length];
            if (file.Read(0, content) != content.Length)
                return null;
        }
        if (content.Length < 8 || BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(content.Length - 4)) != Crc32C.Compute(content.AsSpan(..^4)))
            return null;
        try
        {
            var manifest = Parse(content);
            return manifest?.Sequence == sequence ? manifest : null;
        }
        catch (EndOfStreamException)
        {
            // A checksum of 32 bits can be right by chance, or by intent: lengths that reach past the end are damage all the same.
            return null;
        }
    }

    /// <summary>Removes a manifest.</summary>
    public static void Delete(IFileSystem files, string directory, ulong sequence) => files.DeleteFile(PathOf(directory, sequence));

    private static string PathOf(string directory, ulong sequence) => Path.Combine(directory, NameOf(sequence));

    private static string NameOf(ulong sequence) => Prefix + sequence.ToString("D20", CultureInfo.InvariantCulture);

    private byte[] Serialize()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(PageBytes);
        writer.Write(SegmentBytes);
        writer.Write(Sequence);
        writer.Write(Begin);
        writer.Write(Tail);
        writer.Write(Serial);
        writer.Write(Keys);
        writer.Write(IndexBytes);
        writer.Write(NextIncarnation);
        writer.Write(Token.ToByteArray());
        writer.Write(Groups.Count);
        foreach (var group in Groups)
        {
            writer.Write(group.Group);
            writer.Write(group.Applied.Index);
            writer.Write(group.Applied.Term);
            writer.Write(group.Applied.Time);
            writer.Write(group.SystemIncarnation);
            writer.Write(group.UserIncarnation);
        }
        writer.Write(Metadata.Length);
        writer.Write(Metadata);
        writer.Write(LastBlock.Length);
        writer.Write(LastBlock);
        writer.Write(Crc32C.Compute(stream.GetBuffer().AsSpan(0, (int)stream.Length)));
        return stream.ToArray();
    }

    /// <summary>The checksum is right, so these are, as far as a checksum can tell, bytes that <see cref="Serialize"/> wrote, of this version or another.</summary>
    /// <exception cref="EndOfStreamException">They are not: something reaches past their end.</exception>
    private static StoreManifest? Parse(byte[] content)
    {
        using var reader = new BinaryReader(new MemoryStream(content));
        if (reader.ReadUInt64() != Magic)
            return null;
        var version = reader.ReadUInt32();
        if (version != Version)
            throw new StoreDamagedException($"the store was written in format {version}; this program reads {Version}");
        return new StoreManifest
        {
            PageBytes = reader.ReadInt64(),
            SegmentBytes = reader.ReadInt64(),
            Sequence = reader.ReadUInt64(),
            Begin = reader.ReadInt64(),
            Tail = reader.ReadInt64(),
            Serial = reader.ReadInt64(),
            Keys = reader.ReadInt64(),
            IndexBytes = reader.ReadInt64(),
            NextIncarnation = reader.ReadUInt32(),
            Token = new Guid(ReadBytes(reader, 16)),
            Groups = ReadGroups(reader),
            Metadata = ReadBytes(reader, reader.ReadInt32()),
            LastBlock = ReadBytes(reader, reader.ReadInt32()),
        };
    }

    private static byte[] ReadBytes(BinaryReader reader, int count) =>
        count >= 0 && count <= reader.BaseStream.Length - reader.BaseStream.Position ? reader.ReadBytes(count) : throw new EndOfStreamException();

    private static List<ManifestGroup> ReadGroups(BinaryReader reader)
    {
        var groups = new List<ManifestGroup>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            var group = reader.ReadUInt32();
            var applied = new AppliedPosition(reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadInt64());
            groups.Add(new ManifestGroup(group, applied, reader.ReadUInt32(), reader.ReadUInt32()));
        }
        return groups;
    }
}
