using RaftKv.Engine.Io;

namespace RaftKv.Tests.Harness.Io;

/// <summary>What a call does to the device.</summary>
public enum DeviceOperation
{
    /// <summary>Bytes or a length.</summary>
    Write,

    /// <summary>A sync of a file or of a directory.</summary>
    Sync,

    /// <summary>A name made, moved or deleted.</summary>
    Name,
}

/// <summary>
/// A disk in memory that forgets like a real one: <see cref="Crash"/> loses any subset of the sectors, lengths, names and fresh directories that were not synced; <see cref="Kill"/> ends the process
/// alone, whose successor reads what is in the page cache. A sync that fails has lost what it was to write, although every process goes on reading it and every later sync succeeds
/// (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020). Faults are injected by the number of a device operation (every write, sync and change of a name counts one).
/// Deterministic from its seeds; thread-safe. Paths are normalised; a deleted directory does not come back.
/// </summary>
public sealed class SimulatedFileSystem : IFileSystem
{
    private readonly SortedDictionary<string, SortedDictionary<string, SimulatedInode>> _directories = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, SortedDictionary<string, SimulatedInode>> _durable = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, List<NameChange>> _unsynced = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _unsyncedDirectories = new(StringComparer.Ordinal);
    private readonly Dictionary<long, Func<DeviceOperation, string, Exception?>> _faults = [];
    private readonly List<ArmedFault> _armed = [];
    private long _crashAt = long.MaxValue;
    private bool _off;

    /// <summary>An empty disk.</summary>
    /// <param name="home">A directory that is there before anything happens, durably.</param>
    public SimulatedFileSystem(string? home = null)
    {
        if (home is not null)
            CreateDirectory(home);
        _unsyncedDirectories.Clear();
    }

    /// <summary>One change of names, all of which reaches the disk or none.</summary>
    private sealed record NameChange(string? Remove, string? Add, SimulatedInode? Inode);

    internal Lock Gate { get; } = new();

    /// <summary>Device operations so far.</summary>
    public long Operations { get; private set; }

    /// <summary>Syncs so far.</summary>
    public long Syncs { get; private set; }

    /// <summary>Bytes that all files together may have; beyond, <see cref="DiskFullException"/>.</summary>
    public long Capacity { get; set; } = long.MaxValue;

    /// <summary>Bytes that all files together occupy.</summary>
    public long Used
    {
        get
        {
            lock (Gate)
                return _directories.Values.Sum(d => d.Values.Sum(i => i.Occupied));
        }
    }

    /// <summary>The power fails at this device operation (counted from the start): a write may still have reached the disk in part, a sync has not happened. Everything after throws.</summary>
    public void CrashAtOperation(long operation) => _crashAt = operation;

    /// <summary>Lets this device operation fail as the function says; null lets it pass.</summary>
    public void FailAtOperation(long operation, Func<DeviceOperation, string, Exception?> fault) => _faults[operation] = fault;

    /// <summary>Lets the n-th sync from now on fail, n from 1.</summary>
    public void FailSync(int n) => FailNext(DeviceOperation.Sync, n, path => new IOException($"Input/output error while syncing {path} (injected)."));

    /// <summary>Lets the n-th write from now on fail, n from 1, with this exception or an input/output error.</summary>
    public void FailWrite(int n, Exception? exception = null) =>
        FailNext(DeviceOperation.Write, n, path => exception ?? new IOException($"Input/output error while writing {path} (injected)."));

    /// <summary>The disk as the next start of the machine finds it. This one throws from now on.</summary>
    public SimulatedFileSystem Crash(ulong seed)
    {
        lock (Gate)
        {
            _off = true;
            var random = new SeededRandom(seed);
            var after = new SimulatedFileSystem();
            var copies = new Dictionary<SimulatedInode, SimulatedInode>(ReferenceEqualityComparer.Instance);
            var gone = new HashSet<string>();
            foreach (var (directory, names) in _durable)
            {
                // In order of their names: what holds a directory comes before it.
                if (gone.Contains(Path.GetDirectoryName(directory) ?? "") || (_unsyncedDirectories.Contains(directory) && random.Chance(500)))
                {
                    gone.Add(directory);
                    continue;
                }

                var lost = random.Below(3) switch { 0 => 1000, 1 => 0, _ => 500 };
                var survived = new SortedDictionary<string, SimulatedInode>(names, StringComparer.Ordinal);
                foreach (var change in _unsynced.GetValueOrDefault(directory, []))
                {
                    if (!random.Chance(lost))
                        Apply(survived, change);
                }

                after.CreateDirectory(directory);
                after._unsyncedDirectories.Clear();
                foreach (var (name, inode) in survived)
                {
                    if (!copies.TryGetValue(inode, out var copy))
                        copies.Add(inode, copy = inode.AfterCrash(random));
                    after._directories[directory][name] = copy;
                    after._durable[directory][name] = copy;
                }
            }

            return after;
        }
    }

    /// <summary>
    /// The process ends, the machine goes on: what the next process finds. It reads all that was written, synced or not. The kernel may meanwhile have failed to write it back, and nobody was there to be told.
    /// This one throws from now on.
    /// </summary>
    public SimulatedFileSystem Kill(ulong seed)
    {
        lock (Gate)
        {
            _off = true;
            var after = new SimulatedFileSystem { Capacity = Capacity };
            foreach (var (directory, names) in _directories)
                after._directories[directory] = names;
            foreach (var (directory, names) in _durable)
                after._durable[directory] = names;
            foreach (var (directory, changes) in _unsynced)
                after._unsynced[directory] = changes;
            after._unsyncedDirectories.UnionWith(_unsyncedDirectories);
            if (new SeededRandom(seed).Chance(500))
                after.FailWriteBack();
            return after;
        }
    }

    /// <summary>The kernel fails to write back all that was not synced: it goes on being read, and no later sync writes it.</summary>
    public void FailWriteBack()
    {
        lock (Gate)
        {
            foreach (var inode in _directories.Values.SelectMany(names => names.Values))
                inode.FailSync();
            _unsynced.Clear();
        }
    }

    /// <summary>Changes bytes of a file on the disk itself.</summary>
    public void Corrupt(string path, long offset, Func<byte, byte> change)
    {
        lock (Gate)
            Find(path).Corrupt(offset, change);
    }

    /// <summary>Flips one bit of a file on the disk itself.</summary>
    public void FlipBit(string path, long bit) => Corrupt(path, bit / 8, b => (byte)(b ^ (1 << (int)(bit % 8))));

    /// <summary>A sync of a file, or of a directory's names, failed: what was not written by then never is, whatever a later sync says.</summary>
    public void ForgetUnsynced(string path)
    {
        lock (Gate)
        {
            if (_directories.ContainsKey(Path.GetFullPath(path)))
                _unsynced.Remove(Path.GetFullPath(path));
            else
                Find(path).FailSync();
        }
    }

    /// <summary>A file's bytes.</summary>
    public byte[] ReadAll(string path)
    {
        lock (Gate)
        {
            var inode = Find(path);
            var bytes = new byte[inode.Length];
            inode.Read(0, bytes);
            return bytes;
        }
    }

    /// <summary>A file is gone, durably, as by the fault of a disk.</summary>
    public void Drop(string path)
    {
        lock (Gate)
        {
            var (directory, name) = Split(path);
            _directories[directory].Remove(name);
            _durable[directory].Remove(name);
            _unsynced.GetValueOrDefault(directory)?.RemoveAll(c => c.Add == name);
        }
    }

    /// <inheritdoc/>
    public IFile Open(string path, OpenMode mode)
    {
        var (directory, name) = Split(path);
        lock (Gate)
        {
            CheckPower();
            var names = Names(directory);
            if (names.TryGetValue(name, out var inode))
                return mode == OpenMode.CreateNew ? throw new IOException($"The file {path} exists already.") : new SimulatedFile(this, inode, path);
            if (mode == OpenMode.Existing)
                throw new FileNotFoundException($"The file {path} is missing.", path);
            inode = new SimulatedInode();
            Change(directory, new NameChange(null, name, inode), path);
            return new SimulatedFile(this, inode, path);
        }
    }

    /// <inheritdoc/>
    public bool FileExists(string path)
    {
        var (directory, name) = Split(path);
        return Observe(() => _directories.TryGetValue(directory, out var names) && names.ContainsKey(name));
    }

    /// <inheritdoc/>
    public bool DirectoryExists(string path) => Observe(() => _directories.ContainsKey(Path.GetFullPath(path)));

    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        lock (Gate)
        {
            CheckPower();
            for (var directory = Path.GetFullPath(path); directory is not null; directory = Path.GetDirectoryName(directory))
            {
                if (_directories.TryAdd(directory, new SortedDictionary<string, SimulatedInode>(StringComparer.Ordinal)) && Path.GetDirectoryName(directory) is not null)
                    _unsyncedDirectories.Add(directory);
                _durable.TryAdd(directory, new SortedDictionary<string, SimulatedInode>(StringComparer.Ordinal));
            }
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string directory)
    {
        var full = Path.GetFullPath(directory);
        return Observe(() => Names(full).Keys
            .Concat(_directories.Keys.Where(d => Path.GetDirectoryName(d) == full).Select(d => Path.GetFileName(d)))
            .Order(StringComparer.Ordinal).ToList());
    }

    /// <inheritdoc/>
    public void DeleteFile(string path)
    {
        var (directory, name) = Split(path);
        lock (Gate)
        {
            CheckPower();
            if (_directories.TryGetValue(directory, out var names) && names.ContainsKey(name))
                Change(directory, new NameChange(name, null, null), path);
        }
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        var full = Path.GetFullPath(path);
        lock (Gate)
        {
            CheckPower();
            foreach (var directory in _directories.Keys.Where(d => d == full || d.StartsWith(full + Path.DirectorySeparatorChar, StringComparison.Ordinal)).ToList())
            {
                _directories.Remove(directory);
                _durable.Remove(directory);
                _unsynced.Remove(directory);
                _unsyncedDirectories.Remove(directory);
            }

            AfterOperation(DeviceOperation.Name, path);
        }
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        var (directory, name) = Split(from);
        var (toDirectory, toName) = Split(to);
        if (directory != toDirectory)
            throw new IOException($"Files are renamed within a directory only: {from}, {to}.");
        lock (Gate)
        {
            CheckPower();
            if (!Names(directory).TryGetValue(name, out var inode))
                throw new FileNotFoundException($"The file {from} is missing.", from);
            Change(directory, new NameChange(name, toName, inode), to);
        }
    }

    /// <inheritdoc/>
    public long FreeBytes(string directory) => Capacity == long.MaxValue ? long.MaxValue : Math.Max(0, Capacity - Used);

    /// <inheritdoc/>
    public void SyncDirectory(string path)
    {
        var directory = Path.GetFullPath(path);
        lock (Gate)
        {
            BeforeSync(path, () => _unsynced.Remove(directory));
            _ = Names(directory);
            _unsyncedDirectories.RemoveWhere(d => Path.GetDirectoryName(d) == directory);
            if (!_unsynced.Remove(directory, out var changes))
                return;
            foreach (var change in changes)
                Apply(_durable[directory], change);
        }
    }

    internal T Observe<T>(Func<T> look)
    {
        lock (Gate)
        {
            CheckPower();
            return look();
        }
    }

    internal void CheckPower()
    {
        if (_off)
            throw new SimulatedCrashException("The machine is off.");
    }

    /// <summary>Faults and the disk's size, before bytes change.</summary>
    internal void BeforeWrite(string path, SimulatedInode inode, long end)
    {
        CheckPower();
        Inject(DeviceOperation.Write, path);
        if (Capacity != long.MaxValue && end > inode.Length && Used + end - inode.Length > Capacity)
            throw new DiskFullException($"The disk is full: there is no space left to write {path}.");
    }

    internal void BeforeSync(string path, Action onFailure)
    {
        CheckPower();
        try
        {
            Inject(DeviceOperation.Sync, path);
        }
        catch (IOException)
        {
            onFailure();
            throw;
        }

        AfterOperation(DeviceOperation.Sync, path);
        Syncs++;
    }

    /// <summary>Counts; the power may fail now, with a write's bytes on their way, or a sync's not yet.</summary>
    internal void AfterOperation(DeviceOperation operation, string path)
    {
        if (++Operations < _crashAt)
            return;
        _off = true;
        throw new SimulatedCrashException($"The power failed at operation {Operations}, a {operation} of {path}.");
    }

    private void Inject(DeviceOperation operation, string path)
    {
        if (_faults.Count == 0 && _armed.Count == 0)
            return;
        var exception = _faults.TryGetValue(Operations + 1, out var fault) ? fault(operation, path) : null;
        foreach (var armed in _armed.Where(a => a.Kind == operation).ToList())
        {
            if (--armed.Left > 0)
                continue;
            _armed.Remove(armed);
            exception ??= armed.Make(path);
        }

        if (exception is null)
            return;
        Operations++;
        throw exception;
    }

    private void FailNext(DeviceOperation kind, int n, Func<string, Exception> make)
    {
        lock (Gate)
            _armed.Add(new ArmedFault { Kind = kind, Left = n, Make = make });
    }

    private sealed class ArmedFault
    {
        public required DeviceOperation Kind { get; init; }
        public required int Left { get; set; }
        public required Func<string, Exception> Make { get; init; }
    }

    private void Change(string directory, NameChange change, string path)
    {
        Inject(DeviceOperation.Name, path);
        Apply(Names(directory), change);
        if (!_unsynced.TryGetValue(directory, out var changes))
            _unsynced.Add(directory, changes = []);
        changes.Add(change);
        AfterOperation(DeviceOperation.Name, path);
    }

    private static void Apply(SortedDictionary<string, SimulatedInode> names, NameChange change)
    {
        if (change.Remove is not null && (change.Inode is null || !names.TryGetValue(change.Remove, out var there) || there == change.Inode))
            names.Remove(change.Remove);
        if (change.Add is not null)
            names[change.Add] = change.Inode!;
    }

    private SortedDictionary<string, SimulatedInode> Names(string directory) =>
        _directories.TryGetValue(directory, out var names) ? names : throw new DirectoryNotFoundException($"The directory {directory} is missing.");

    private SimulatedInode Find(string path)
    {
        var (directory, name) = Split(path);
        return Names(directory)[name];
    }

    private static (string Directory, string Name) Split(string path)
    {
        var full = Path.GetFullPath(path);
        return (Path.GetDirectoryName(full)!, Path.GetFileName(full));
    }
}
