using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Engine.Io;
using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Jepsenish.Simulation.Machines;

/// <summary>
/// A machine's disk as one process sees it: files opened by a process that has ended are of no use to anybody. The machine's faults happen here, and the ledger listens.
/// </summary>
internal sealed class ProcessDisk(Machine machine, SimulatedFileSystem disk) : IFileSystem, IFileLocks
{
    private readonly Dictionary<string, List<ProcessFile>> _open = [];
    private bool _ended;

    /// <summary>Locks between processes need no care: a machine has one process at a time.</summary>
    public IDisposable? TryAcquire(string path) => new Lock();

    /// <summary>The process is gone: whatever still runs of it touches nothing any more.</summary>
    public void End() => _ended = true;

    public IFile Open(string path, OpenMode mode)
    {
        Before(DeviceOperation.Name);
        var file = new ProcessFile(this, disk.Open(path, mode), path);
        if (!_open.TryAdd(path, [file]))
            _open[path].Add(file);
        return file;
    }

    public bool FileExists(string path) => Checked().FileExists(path);

    public bool DirectoryExists(string path) => Checked().DirectoryExists(path);

    public void CreateDirectory(string path) => Checked().CreateDirectory(path);

    public IReadOnlyList<string> List(string directory) => Checked().List(directory);

    public void DeleteFile(string path)
    {
        Before(DeviceOperation.Name);
        disk.DeleteFile(path);
    }

    public void DeleteDirectory(string path)
    {
        Before(DeviceOperation.Name);
        if (path == "/data/wal")
            machine.RemoveLog();
        disk.DeleteDirectory(path);
    }

    public void Rename(string from, string to)
    {
        Before(DeviceOperation.Name);
        disk.Rename(from, to);
        machine.Ledger.OnRenamed(from, to);
        if (!_open.Remove(from, out var files))
            return;
        foreach (var file in files)
            file.Path = to;
        _open[to] = files;
    }

    public long FreeBytes(string directory) => Checked().FreeBytes(directory);

    public void SyncDirectory(string path)
    {
        Before(DeviceOperation.Sync);
        if (machine.Faults.SyncFails)
            disk.ForgetUnsynced(path);
        machine.Faults.FailSync(path);
        disk.SyncDirectory(path);
    }

    private void ForgetUnsynced(string path)
    {
        disk.ForgetUnsynced(path);
        machine.Ledger.OnForgotten(path);
    }

    private SimulatedFileSystem Checked() => _ended ? throw new SimulatedCrashException("The process has ended.") : disk;

    /// <summary>Counts the operation, and ends the process, or the machine, when its time has come.</summary>
    private void Before(DeviceOperation operation)
    {
        _ = Checked();
        machine.Faults.Count(operation);
    }

    private sealed class Lock : IDisposable
    {
        public void Dispose()
        {
            // Given back by the end of the process.
        }
    }

    private sealed class ProcessFile(ProcessDisk owner, IFile file, string path) : IFile
    {
        private readonly Machine _machine = owner.Machine;

        /// <summary>Its name, which may change while it is open.</summary>
        public string Path { get; set; } = path;

        public long Length => file.Length;

        public int Read(long offset, Span<byte> buffer)
        {
            _ = owner.Checked();
            return file.Read(offset, buffer);
        }

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            owner.Before(DeviceOperation.Write);
            _machine.Faults.FailWrite(Path);
            var landed = _machine.Faults.Misdirect(offset, data.Length, file.Length);
            file.Write(landed, data);
            _machine.Faults.OnWritten(data.Length);
            _machine.Ledger.OnWritten(Path, landed, data);
        }

        public void SyncData()
        {
            owner.Before(DeviceOperation.Sync);
            if (_machine.Faults.SyncFails)
                owner.ForgetUnsynced(Path);
            _machine.Faults.FailSync(Path);
            file.SyncData();
            _machine.Ledger.OnSynced(Path);
        }

        public void SetLength(long length)
        {
            owner.Before(DeviceOperation.Write);
            file.SetLength(length);
        }

        public void Allocate(long length)
        {
            owner.Before(DeviceOperation.Write);
            file.Allocate(length);
        }

        public void Deallocate(long offset, long length) => file.Deallocate(offset, length);

        public void Dispose()
        {
            owner._open.GetValueOrDefault(Path)?.Remove(this);
            file.Dispose();
        }
    }

    private Machine Machine => machine;
}
