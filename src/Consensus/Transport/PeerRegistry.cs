using System.Buffers.Binary;
using System.Text;
using RaftKv.Engine.Io;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// <see cref="IPeerRegistry"/> in a file of the node's data directory, replaced as a whole when a peer is met for the first time.
/// Invariant: what <see cref="Check"/> accepted is in the file, synced, before it returned. A damaged file is refused, never taken for an empty one:
/// an empty one would accept anybody.
/// </summary>
public sealed class PeerRegistry : IPeerRegistry
{
    private const int FormatVersion = 1;
    private const int HeadBytes = 16;
    private const int PeerFixedBytes = 18;

    // A cluster has tens of nodes; this many ever met is a bound on what a damaged length can make us read.
    private const int MaxPeers = 10_000;

    private readonly IFileSystem _files;
    private readonly string _path;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<ulong, (string Name, ulong Incarnation)> _peers;

    private PeerRegistry(IFileSystem files, string path, SortedDictionary<ulong, (string, ulong)> peers) =>
        (_files, _path, _peers) = (files, path, peers);

    private static ReadOnlySpan<byte> Magic => "RAFTKVPR"u8;

    /// <summary>Loads the registry at <paramref name="path"/>; empty if there is no such file.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or of a later format version.</exception>
    public static PeerRegistry Open(IFileSystem files, string path)
    {
        var content = AtomicFile.Read(files, path, MaxPeers * (PeerFixedBytes + NodeIdentity.MaxNameBytes));
        return new PeerRegistry(files, path, content is null ? [] : Decode(path, content));
    }

    /// <inheritdoc/>
    public PeerCheck Check(ulong peer, string name, ulong incarnation, bool remember = true)
    {
        lock (_gate)
        {
            if (_peers.TryGetValue(peer, out var known))
            {
                if (known.Incarnation != incarnation)
                    return PeerCheck.OtherIncarnation;
                return known.Name == name ? PeerCheck.Accepted : PeerCheck.OtherName;
            }

            if (!remember)
                return PeerCheck.Accepted;
            _peers.Add(peer, (name, incarnation));
            try
            {
                AtomicFile.Replace(_files, _path, Encode());
            }
            catch
            {
                // Whatever went wrong, it was not written down, and the next check must not take it for known.
                _peers.Remove(peer);
                throw;
            }

            return PeerCheck.Accepted;
        }
    }

    private byte[] Encode()
    {
        var content = new List<byte>(HeadBytes + (_peers.Count * (PeerFixedBytes + 16)) + sizeof(uint));
        content.AddRange(Magic);
        Span<byte> number = stackalloc byte[8];
        Append32(content, number, FormatVersion);
        Append32(content, number, (uint)_peers.Count);
        foreach (var (peer, (name, incarnation)) in _peers)
        {
            Append64(content, number, peer);
            Append64(content, number, incarnation);
            var utf8 = Encoding.UTF8.GetBytes(name);
            BinaryPrimitives.WriteUInt16LittleEndian(number, (ushort)utf8.Length);
            content.AddRange(number[..2]);
            content.AddRange(utf8);
        }

        Append32(content, number, Crc32C.Compute([.. content]));
        return [.. content];
    }

    private static SortedDictionary<ulong, (string Name, ulong Incarnation)> Decode(string path, ReadOnlySpan<byte> content)
    {
        if (content.Length < HeadBytes + sizeof(uint) || !content.StartsWith(Magic)
            || Crc32C.Compute(content[..^4]) != BinaryPrimitives.ReadUInt32LittleEndian(content[^4..]))
            throw new InvalidDataException($"{path} is damaged: it is not a list of peers that this node wrote");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(content[8..]);
        if (version != FormatVersion)
            throw new InvalidDataException($"{path} has format version {version}; this program reads version {FormatVersion}");

        var peers = new SortedDictionary<ulong, (string, ulong)>();
        var rest = content[HeadBytes..^4];
        for (var count = BinaryPrimitives.ReadUInt32LittleEndian(content[12..]); count > 0; count--)
        {
            var nameLength = rest.Length < PeerFixedBytes ? int.MaxValue : BinaryPrimitives.ReadUInt16LittleEndian(rest[16..]);
            if (nameLength > rest.Length - PeerFixedBytes)
                throw new InvalidDataException($"{path} is damaged: a peer reaches past its end");
            var name = Encoding.UTF8.GetString(rest.Slice(PeerFixedBytes, nameLength));
            peers[BinaryPrimitives.ReadUInt64LittleEndian(rest)] = (name, BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]));
            rest = rest[(PeerFixedBytes + nameLength)..];
        }

        return rest.IsEmpty ? peers : throw new InvalidDataException($"{path} is damaged: {rest.Length} bytes follow the last peer");
    }

    private static void Append32(List<byte> content, Span<byte> scratch, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(scratch, value);
        content.AddRange(scratch[..4]);
    }

    private static void Append64(List<byte> content, Span<byte> scratch, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(scratch, value);
        content.AddRange(scratch);
    }
}
