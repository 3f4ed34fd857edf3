using System.Buffers.Binary;
using System.Text;
using RaftKv.Consensus.Transport;
using RaftKv.Engine;
using RaftKv.Engine.Io;

namespace RaftKv.Consensus.Groups;

/// <summary>
/// A node's data directory: held exclusively, and known to belong to this node. Holds <c>lock</c>, <c>identity</c>, <c>peers</c>, <c>wal/</c> and <c>store-0/</c> upwards.
/// Invariant: nothing else is created in it before its identity file is durable, so a directory with content and without identity is not one that a crash left behind.
/// Invariant: its identity never changes.
/// </summary>
public sealed class DataDirectory : IDisposable
{
    /// <summary>Most stores a directory can have.</summary>
    public const int MaxStores = 256;

    private const string LockName = "lock";
    private const string IdentityName = "identity";
    private const int FormatVersion = 1;
    private const int FixedBytes = 42;
    private const int MaxBytes = 4096;

    private readonly IDisposable _lock;

    private DataDirectory(string path, NodeIdentity identity, int stores, bool created, IDisposable heldLock) =>
        (FullPath, Identity, Stores, Created, _lock) = (path, identity, stores, created, heldLock);

    /// <summary>The directory.</summary>
    public string FullPath { get; }

    /// <summary>Who the node is.</summary>
    public NodeIdentity Identity { get; }

    /// <summary>Number of stores, fixed when the directory was created.</summary>
    public int Stores { get; }

    /// <summary>Whether it was created by this call of <see cref="Open"/>: the node has promised nothing yet.</summary>
    public bool Created { get; }

    /// <summary>Directory of the write-ahead log.</summary>
    public string WalPath => Path.Combine(FullPath, "wal");

    /// <summary>File of the <see cref="PeerRegistry"/>.</summary>
    public string PeersPath => Path.Combine(FullPath, "peers");

    private static ReadOnlySpan<byte> Magic => "RAFTKVID"u8;

    /// <summary>Directory of a store, 0 to <see cref="Stores"/> - 1.</summary>
    public string StorePath(int store)
    {
        Invariant.That((uint)store < (uint)Stores, $"store {store} of {Stores}");
        return Path.Combine(FullPath, $"store-{store}");
    }

    /// <summary>Whether a directory carries a node's identity: then it can be opened without knowing cluster and number.</summary>
    public static bool HasIdentity(IFileSystem files, string path) => files.FileExists(Path.Combine(path, IdentityName));

    /// <summary>Opens a node's data directory, or creates it when it is missing or empty.</summary>
    /// <exception cref="DataDirectoryException">It is refused.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public static DataDirectory Open(IFileSystem files, IFileLocks locks, string path, DataDirectoryRequest request)
    {
        ArgumentOutOfRangeException.ThrowIfZero(request.FreshIncarnation);
        if (!NodeIdentity.IsName(request.Name))
            throw new ArgumentException($"the node's name needs 1 to {NodeIdentity.MaxNameBytes} bytes and no control characters", nameof(request));
        ArgumentOutOfRangeException.ThrowIfLessThan(request.Stores, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(request.Stores, MaxStores);

        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        // Looked at before the lock file is made, so that a directory which is not ours is left as it is.
        RefuseForeign(files, path);
        if (!HasIdentity(files, path))
            CreateDurably(files, path);
        var heldLock = locks.TryAcquire(Path.Combine(path, LockName))
            ?? throw new DataDirectoryException(DataDirectoryProblem.InUse, $"data directory {path} is in use by another process");
        try
        {
            RefuseForeign(files, path);
            var content = ReadIdentity(files, path);
            var (identity, stores) = content is null ? Create(files, path, request) : Decode(path, content);
            RefuseOthers(path, identity, request);
            return new DataDirectory(path, identity, stores, content is null, heldLock);
        }
        catch
        {
            heldLock.Dispose();
            throw;
        }
    }

    /// <summary>Gives the lock back.</summary>
    public void Dispose() => _lock.Dispose();

    private static void RefuseForeign(IFileSystem files, string path)
    {
        if (files.FileExists(path))
            throw new DataDirectoryException(DataDirectoryProblem.Foreign, $"data directory {path} is a file");
        if (!files.DirectoryExists(path) || HasIdentity(files, path))
            return;
        var stranger = files.List(path).FirstOrDefault(name => name is not LockName and not (IdentityName + AtomicFile.TemporarySuffix));
        if (stranger is not null)
            throw new DataDirectoryException(
                DataDirectoryProblem.Foreign,
                $"directory {path} holds '{stranger}' but no file '{IdentityName}': it is no RaftKv data directory, or it was damaged; give an empty directory or restore the file");
    }

    private static void RefuseOthers(string path, NodeIdentity found, DataDirectoryRequest request)
    {
        if (request.Cluster is { } cluster && cluster != found.Cluster)
            throw new DataDirectoryException(
                DataDirectoryProblem.OtherCluster, $"data directory {path} belongs to cluster {found.Cluster:x16}, not to cluster {cluster:x16}");
        if (found.Name != request.Name || (request.Number is { } number && number != found.Number))
            throw new DataDirectoryException(
                DataDirectoryProblem.OtherNode,
                $"data directory {path} belongs to node {found.Name} (number {found.Number}), not to node {request.Name}{(request.Number is { } wanted ? $" (number {wanted})" : "")}");
    }

    /// <summary>Creates what is missing of a path, from the top. What is there already may have been created by a start that did not live to sync it.</summary>
    private static void CreateDurably(IFileSystem files, string path)
    {
        if (Path.GetDirectoryName(path) is not { } parent)
            return;
        var isThere = files.DirectoryExists(path);
        if (!isThere)
        {
            CreateDurably(files, parent);
            files.CreateDirectory(path);
        }

        try
        {
            files.SyncDirectory(parent);
        }
        catch (UnauthorizedAccessException) when (isThere)
        {
            // Whoever may not read it did not create anything in it.
        }
    }

    private static (NodeIdentity Identity, int Stores) Create(IFileSystem files, string path, DataDirectoryRequest request)
    {
        if (request.Cluster is not { } cluster || request.Number is not { } number)
            throw new DataDirectoryException(
                DataDirectoryProblem.Empty, $"data directory {path} is empty, and node {request.Name} was not told its cluster and number to create it");
        var identity = new NodeIdentity(cluster, number, request.Name, request.FreshIncarnation);
        AtomicFile.Replace(files, Path.Combine(path, IdentityName), Encode(identity, request.Stores));
        return (identity, request.Stores);
    }

    private static byte[]? ReadIdentity(IFileSystem files, string path)
    {
        try
        {
            return AtomicFile.Read(files, Path.Combine(path, IdentityName), MaxBytes);
        }
        catch (InvalidDataException e)
        {
            throw Damaged(path, e.Message, e);
        }
    }

    private static byte[] Encode(NodeIdentity identity, int stores)
    {
        var name = Encoding.UTF8.GetBytes(identity.Name);
        var content = new byte[FixedBytes + name.Length + sizeof(uint)];
        Magic.CopyTo(content);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(8), FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(12), identity.Cluster);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(20), identity.Number);
        BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(28), identity.Incarnation);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(36), (uint)stores);
        BinaryPrimitives.WriteUInt16LittleEndian(content.AsSpan(40), (ushort)name.Length);
        name.CopyTo(content.AsSpan(FixedBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(FixedBytes + name.Length), Crc32C.Compute(content.AsSpan(..^4)));
        return content;
    }

    private static (NodeIdentity Identity, int Stores) Decode(string path, ReadOnlySpan<byte> content)
    {
        // Magic, version and the checksum at the end are where they are in every version: a flipped bit in the version is damage, not a later version.
        if (content.Length < 16 || !content.StartsWith(Magic))
            throw Damaged(path, $"it does not begin as one ({content.Length} bytes)");
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(content[^4..]);
        var computed = Crc32C.Compute(content[..^4]);
        if (stored != computed)
            throw Damaged(path, $"its checksum is {computed:x8}, expected {stored:x8}");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(content[8..]);
        if (version != FormatVersion)
            throw new DataDirectoryException(
                DataDirectoryProblem.LaterVersion, $"data directory {path} has format version {version}; this program reads version {FormatVersion}");
        if (content.Length < FixedBytes + 4 || content.Length != FixedBytes + BinaryPrimitives.ReadUInt16LittleEndian(content[40..]) + 4)
            throw Damaged(path, $"its length, {content.Length} bytes, does not fit its content");

        var stores = BinaryPrimitives.ReadUInt32LittleEndian(content[36..]);
        if (stores is < 1 or > MaxStores)
            throw Damaged(path, $"it names {stores} stores, expected 1 to {MaxStores}");
        try
        {
            var identity = new NodeIdentity(
                BinaryPrimitives.ReadUInt64LittleEndian(content[12..]),
                BinaryPrimitives.ReadUInt64LittleEndian(content[20..]),
                Encoding.UTF8.GetString(content[FixedBytes..^4]),
                BinaryPrimitives.ReadUInt64LittleEndian(content[28..]));
            return (identity, (int)stores);
        }
        catch (ArgumentException e)
        {
            throw Damaged(path, e.Message, e);
        }
    }

    private static DataDirectoryException Damaged(string path, string how, Exception? inner = null) =>
        new(DataDirectoryProblem.Damaged, $"the file '{IdentityName}' of data directory {path} is damaged: {how}", inner);
}
