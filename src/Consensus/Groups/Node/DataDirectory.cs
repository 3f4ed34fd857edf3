using RaftKv.Consensus.Transport;
using RaftKv.Engine;
using RaftKv.Engine.Io;

namespace RaftKv.Consensus.Groups.Node;

/// <summary>
/// A node's data directory: held exclusively, and known to belong to this node. Holds <c>lock</c>, <c>identity</c>, <c>peers</c>, <c>wal/</c> and <c>store-0/</c> upwards.
/// Invariant: nothing else is created in it before its identity file is durable, so a directory with content and without identity is not one that a crash left behind.
/// Invariant: an identity that is final never changes. One that is provisional belongs to a start that promised nothing to anybody: the next one removes what it left, and makes its own.
/// </summary>
public sealed class DataDirectory : IDisposable
{
    /// <summary>Most stores a directory can have.</summary>
    public const int MaxStores = 256;

    /// <summary>Data groups of a cluster that is founded without saying how many: enough to spread leaders over a few nodes, few enough to cost nothing.</summary>
    public const int DefaultGroups = 8;

    private const string LockName = "lock";
    private const string PeersName = "peers";
    private const string WalName = "wal";
    private const string StorePrefix = "store-";

    private readonly IFileSystem _files;
    private readonly IDisposable _lock;

    private DataDirectory(IFileSystem files, string path, NodeIdentity identity, int stores, IDisposable heldLock) =>
        (_files, FullPath, Identity, Stores, Created, _lock) = (files, path, identity, stores, !identity.IsFinal, heldLock);

    /// <summary>The directory.</summary>
    public string FullPath { get; }

    /// <summary>Who the node was when the directory was opened.</summary>
    public NodeIdentity Identity { get; }

    /// <summary>Number of stores, fixed when the directory was created.</summary>
    public int Stores { get; }

    /// <summary>Whether it was claimed by this call of <see cref="Open"/>: the node has promised nothing yet.</summary>
    public bool Created { get; }

    /// <summary>Directory of the write-ahead log.</summary>
    public string WalPath => Path.Combine(FullPath, WalName);

    /// <summary>File of the <see cref="PeerRegistry"/>.</summary>
    public string PeersPath => Path.Combine(FullPath, PeersName);

    /// <summary>Directory of a store, 0 to <see cref="Stores"/> - 1.</summary>
    public string StorePath(int store)
    {
        Invariant.That((uint)store < (uint)Stores, $"store {store} of {Stores}");
        return Path.Combine(FullPath, $"{StorePrefix}{store}");
    }

    /// <summary>Opens a node's data directory, or claims it when it is missing, empty, or was never more than claimed.</summary>
    /// <exception cref="DataDirectoryException">It is refused.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public static DataDirectory Open(IFileSystem files, IFileLocks locks, string path, DataDirectoryRequest request)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(request.Stores, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(request.Stores, MaxStores);
        var claimed = new NodeIdentity(request.Cluster, request.Number, request.Name, request.FreshIncarnation)
        {
            ClusterName = request.ClusterName ?? "",
            Members = request.Members,
            Groups = request.Groups ?? DefaultGroups,
            IsFinal = false,
        };

        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        // Looked at before the lock file is made, so that a directory which is not ours is left as it is.
        RefuseForeign(files, path);
        if (!HasIdentity(files, path))
            CreateDurably(files, path);
        var heldLock = locks.TryAcquire(Path.Combine(path, LockName))
            ?? throw new DataDirectoryException(DataDirectoryProblem.InUse, $"data directory {path} is in use by another node, of this process or of another");
        try
        {
            RefuseForeign(files, path);
            if (ReadIdentity(files, path) is var (found, stores))
            {
                if (found.IsFinal)
                {
                    RefuseOthers(path, found, request);
                    return new DataDirectory(files, path, found, stores, heldLock);
                }

                RemoveLeftovers(files, path);
            }

            AtomicFile.Replace(files, Path.Combine(path, IdentityFile.Name), IdentityFile.Encode(claimed, request.Stores));
            return new DataDirectory(files, path, claimed, request.Stores, heldLock);
        }
        catch
        {
            heldLock.Dispose();
            throw;
        }
    }

    /// <summary>Makes the node's identity final: durable on return.</summary>
    /// <exception cref="IOException">The disk failed: whether it is final there is not known.</exception>
    public void MakeFinal(NodeIdentity identity)
    {
        Invariant.That(
            Created && identity.IsFinal && (identity.Number, identity.Name, identity.Incarnation) == (Identity.Number, Identity.Name, Identity.Incarnation),
            $"data directory {FullPath} of {Identity.Title} cannot become that of {identity.Title}");
        AtomicFile.Replace(_files, Path.Combine(FullPath, IdentityFile.Name), IdentityFile.Encode(identity, Stores));
    }

    /// <summary>Gives the lock back.</summary>
    public void Dispose() => _lock.Dispose();

    private static bool HasIdentity(IFileSystem files, string path) => files.FileExists(Path.Combine(path, IdentityFile.Name));

    private static void RefuseForeign(IFileSystem files, string path)
    {
        if (files.FileExists(path))
            throw new DataDirectoryException(DataDirectoryProblem.Foreign, $"data directory {path} is a file");
        if (!files.DirectoryExists(path) || HasIdentity(files, path))
            return;
        var stranger = files.List(path).FirstOrDefault(name => name is not LockName and not (IdentityFile.Name + AtomicFile.TemporarySuffix));
        if (stranger is not null)
            throw new DataDirectoryException(
                DataDirectoryProblem.Foreign,
                $"directory {path} holds '{stranger}' but no file '{IdentityFile.Name}': it is no RaftKv data directory, or it was damaged; give an empty directory or restore the file");
    }

    /// <summary>The addresses of the nodes are not looked at: they may be others today. Whom the node counts in majorities, and what it holds, may not.</summary>
    private static void RefuseOthers(string path, NodeIdentity found, DataDirectoryRequest request)
    {
        if (request.ClusterName is { } cluster && cluster != found.ClusterName)
            throw new DataDirectoryException(
                DataDirectoryProblem.OtherCluster,
                $"data directory {path} belongs to {(found.ClusterName.Length == 0 ? "a cluster without a name" : $"the cluster named '{found.ClusterName}'")}, not to one named '{cluster}'");
        if (found.Name != request.Name)
            throw new DataDirectoryException(DataDirectoryProblem.OtherNode, $"data directory {path} belongs to node {found.Name}, not to node {request.Name}");
        if (found.Members != request.Members || found.Number != request.Number)
            throw new DataDirectoryException(
                DataDirectoryProblem.OtherMembers,
                $"data directory {path} was founded with the nodes {found.Members}, the list given now has {request.Members} (they differ in {NodeIdentity.Difference(found.Members, request.Members)}): nodes cannot join or leave yet, only their addresses may change");
        if (request.Groups is { } groups && groups != found.Groups)
            throw new DataDirectoryException(
                DataDirectoryProblem.OtherGroups, $"data directory {path} was founded with {found.Groups} groups, not with {groups}: their number is fixed when the cluster is founded");
    }

    /// <summary>What a start left that promised nothing. Its identity stays until the next one replaces it, so that a crash in between leaves a directory that is still known to hold nothing of value.</summary>
    private static void RemoveLeftovers(IFileSystem files, string path)
    {
        foreach (var name in files.List(path))
        {
            if (name == WalName || name.StartsWith(StorePrefix, StringComparison.Ordinal))
                files.DeleteDirectory(Path.Combine(path, name));
            else if (name.StartsWith(PeersName, StringComparison.Ordinal))
                files.DeleteFile(Path.Combine(path, name));
        }

        files.SyncDirectory(path);
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

    private static (NodeIdentity Identity, int Stores)? ReadIdentity(IFileSystem files, string path)
    {
        try
        {
            return AtomicFile.Read(files, Path.Combine(path, IdentityFile.Name), IdentityFile.MaxBytes) is { } content ? IdentityFile.Decode(path, content) : null;
        }
        catch (InvalidDataException e)
        {
            throw IdentityFile.Damaged(path, e.Message, e);
        }
    }
}
