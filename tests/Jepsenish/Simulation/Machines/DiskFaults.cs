using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Jepsenish.Simulation.Machines;

/// <summary>What is wrong with a machine's disk at the moment.</summary>
internal sealed class DiskFaults(SeededRandom random, Action<bool> onDeath)
{
    private int _operationsToDeath = int.MaxValue;
    private bool _deathIsPowerCut;
    private bool _tearsBatch;
    private int _lastWrite;
    private bool _failsSync;
    private bool _failsWrite;
    private bool _misdirects;

    /// <summary>Syncs take so many times longer.</summary>
    public int Slowness { get; set; } = 1;

    /// <summary>No sync ends before this time.</summary>
    public long HungUntil { get; set; }

    /// <summary>Whether a sync or a write has failed: what the page cache holds is not to be believed.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>A write went astray, and nothing was written since that would show it.</summary>
    public bool HasUnnoticedMisdirection { get; private set; }

    /// <summary>Arms the end of the process, or of the machine's power, at the n-th operation from now on.</summary>
    public void DieAt(int operation, bool powerCut) => (_operationsToDeath, _deathIsPowerCut) = (operation, powerCut);

    /// <summary>Whether <see cref="DieAt"/> has not happened yet.</summary>
    public bool WillDie => _operationsToDeath != int.MaxValue;

    /// <summary>Arms the end of the machine's power in front of the next sync of more than a sector: what was written may be there in part.</summary>
    public void TearNextBatch() => _tearsBatch = true;

    /// <summary>Bytes were written, and are not synced yet.</summary>
    public void OnWritten(int bytes) => _lastWrite = bytes;

    /// <summary>The next sync fails.</summary>
    public void ArmSync() => _failsSync = true;

    /// <summary>Whether the next sync fails.</summary>
    public bool SyncFails => _failsSync;

    /// <summary>The next write fails.</summary>
    public void ArmWrite() => _failsWrite = true;

    /// <summary>The next write lands elsewhere.</summary>
    public void ArmMisdirection() => _misdirects = true;

    /// <summary>Everything is well from now on.</summary>
    public void Mend()
    {
        (Slowness, HungUntil, HasFailed) = (1, 0, false);
        (_failsSync, _failsWrite, _misdirects, _tearsBatch, _operationsToDeath) = (false, false, false, false, int.MaxValue);
    }

    /// <summary>An operation is about to be done.</summary>
    public void Count(DeviceOperation operation)
    {
        var torn = _tearsBatch && operation == DeviceOperation.Sync && _lastWrite is > 512 and < 64 << 10;
        if (!torn && (_operationsToDeath == int.MaxValue || --_operationsToDeath > 0))
            return;
        (_operationsToDeath, _tearsBatch) = (int.MaxValue, false);
        onDeath(torn || _deathIsPowerCut);
        throw new SimulatedCrashException($"it ended at a disk operation ({operation})");
    }

    public void FailSync(string path) => Fail(ref _failsSync, "syncing", path);

    public void FailWrite(string path) => Fail(ref _failsWrite, "writing", path);

    /// <summary>Where a write really lands.</summary>
    public long Misdirect(long offset, int length, long fileLength)
    {
        if (!_misdirects || fileLength < offset + length + 1024)
        {
            HasUnnoticedMisdirection = false;
            return offset;
        }

        _misdirects = false;
        HasUnnoticedMisdirection = true;
        return offset + (512 * random.Between(1, 2));
    }

    private void Fail(ref bool armed, string what, string path)
    {
        if (!armed)
            return;
        armed = false;
        HasFailed = true;
        throw new IOException($"Input/output error while {what} {path} (injected).");
    }
}
