using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Jepsenish.Simulation.Oracles;

namespace RaftKv.Tests.Jepsenish.Simulation.Machines;

/// <summary>One computer: a disk, clocks, and at most one process at a time, which comes and goes while the rest stays.</summary>
internal sealed class Machine
{
    private readonly SeededRandom _random;
    private readonly SeededRandom _writeBack;

    public Machine(ulong number, Scheduler scheduler, SimulationOptions options)
    {
        Number = number;
        _random = Randomness.Fork(options.Seed, "machine", number);
        _writeBack = Randomness.Fork(options.Seed, "write-back", number);
        var drift = options.DriftPerMillion == 0 ? 0 : _random.Between(-options.DriftPerMillion, options.DriftPerMillion);
        if (options.SlowClock != 0)
            drift = number == options.SlowClock ? -options.DriftPerMillion : options.DriftPerMillion;
        Clock = new MachineClock(scheduler, drift, options.ClockErrors.Count == 0 ? 0 : options.ClockErrors[(int)number - 1]);
        Clock.Restart(_random.Time(1, 1L << 40));
        Faults = new DiskFaults(_random, powerCut => Death = powerCut ? Machines.Death.PowerCut : Machines.Death.Kill);
    }

    /// <summary>The node that runs on it.</summary>
    public ulong Number { get; }

    /// <summary>Its name.</summary>
    public string Name => $"n{Number}";

    /// <summary>The clocks.</summary>
    public MachineClock Clock { get; }

    /// <summary>The disk.</summary>
    public SimulatedFileSystem Disk { get; private set; } = new();

    /// <summary>What the disk durably holds.</summary>
    public DurableLedger Ledger { get; private set; } = new();

    /// <summary>What is wrong with the disk.</summary>
    public DiskFaults Faults { get; }

    /// <summary>What runs; null when nothing does.</summary>
    public Process? Process { get; set; }

    /// <summary>Nothing runs before this time.</summary>
    public long PausedUntil { get; set; }

    /// <summary>The process, or the machine, ended within what is being done; whoever let it do so acts on it.</summary>
    public Death? Death { get; set; }

    /// <summary>Something durable was changed or lost: the node may refuse to go on, for good.</summary>
    public bool IsDamaged { get; private set; }

    /// <summary>Its disk was replaced.</summary>
    public bool WasWiped { get; private set; }

    /// <summary>It stays as it is when everything else is mended.</summary>
    public bool IsGivenUp { get; set; }

    /// <summary>A process on it had a final identity.</summary>
    public bool IsFounded { get; set; }

    /// <summary>A user key that the store of its process cannot bear: a defect that a script makes. Null for none.</summary>
    public byte[]? Poison { get; set; }

    /// <summary>Lives of processes so far.</summary>
    public int Starts { get; set; }

    /// <summary>The power fails, now; what was not synced is lost in part.</summary>
    public void CutPower()
    {
        Disk = Disk.Crash(_random.Next());
        Ledger.OnPowerCut(Disk);
        Clock.Restart(_random.Time(1, 1L << 40));
    }

    /// <summary>
    /// A process has ended, and the machine goes on. The next one reads what is in the page cache; now and then the kernel has failed to write that back meanwhile, when no process was there to be told.
    /// </summary>
    public void KeepPageCache()
    {
        if (!_writeBack.Chance(300))
            return;
        Disk.FailWriteBack();
        Ledger.OnForgotten(null);
    }

    /// <summary>Whether the machine is started again where a process on it has met a disk that failed.</summary>
    public bool IsRestartedAfterFailure() => _writeBack.Chance(400);

    /// <summary>The disk is replaced by an empty one.</summary>
    public void Wipe()
    {
        (Disk, Ledger, IsDamaged, WasWiped) = (new SimulatedFileSystem(), new DurableLedger(), true, true);
    }

    /// <summary>The files of the log are gone; their directory is there.</summary>
    public void LoseLog()
    {
        IsDamaged = true;
        if (!Disk.DirectoryExists("/data/wal"))
            return;
        foreach (var file in Disk.List("/data/wal"))
            Disk.Drop($"/data/wal/{file}");
    }

    /// <summary>A node removes its log: only one that nobody has relied on.</summary>
    public void RemoveLog()
    {
        if (Ledger.HasPromised)
            throw new SimulationViolationException($"node {Number} removes a log that holds terms and votes");
        Ledger = new DurableLedger();
    }

    /// <summary>A bit of a file changes.</summary>
    public string? Rot()
    {
        var files = Directories().SelectMany(d => Disk.List(d).Select(n => $"{d}/{n}").Where(Disk.FileExists)).Where(f => Disk.ReadAll(f).Length > 0).ToList();
        if (files.Count == 0)
            return null;
        IsDamaged = true;
        var file = _random.Pick(files);
        Disk.FlipBit(file, (long)(_random.Next() % ((ulong)Disk.ReadAll(file).Length * 8)));
        return file;
    }

    /// <summary>A write will land elsewhere.</summary>
    public void MisdirectWrite()
    {
        IsDamaged = true;
        Faults.ArmMisdirection();
    }

    private IEnumerable<string> Directories() => new[] { "/data", "/data/wal", "/data/store-0", "/data/store-1", "/data/store-2" }.Where(Disk.DirectoryExists);
}

/// <summary>How a process ends without having been asked.</summary>
internal enum Death
{
    /// <summary>It alone.</summary>
    Kill,

    /// <summary>With its machine.</summary>
    PowerCut,
}
