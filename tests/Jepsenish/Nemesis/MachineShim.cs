using System.Buffers.Binary;
using System.Diagnostics;

namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>How a disk treats a call.</summary>
internal enum DiskMode
{
    /// <summary>Well.</summary>
    Good = 0,

    /// <summary>It fails with EIO.</summary>
    Error = 1,

    /// <summary>It does not come back until the mode changes.</summary>
    Hang = 2,

    /// <summary>Writes that make a file longer fail with ENOSPC. Syncs are not concerned.</summary>
    Full = 3,
}

/// <summary>
/// Stands between one process and its machine: a small library, loaded before all others, whose functions for syncs, writes, reads and the wall clock look into a file what they are to do.
/// The library is built when it is first needed, with the C compiler of the machine; where there is none, <see cref="Build"/> says so by null.
/// </summary>
internal sealed class MachineShim
{
    private const int SyncMode = 0, SyncDelay = 4, WriteMode = 8, WriteDelay = 12, ClockOffset = 16, ReadDelay = 24, Syncs = 32, Errors = 40, ClockReads = 48, Reads = 56, ControlBytes = 4096;

    private readonly string _library;
    private readonly string _control;

    /// <summary>Prepares the control file of one process.</summary>
    public MachineShim(string library, string control)
    {
        (_library, _control) = (library, control);
        File.WriteAllBytes(control, new byte[ControlBytes]);
    }

    /// <summary>What the process has to be started with.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string> { ["LD_PRELOAD"] = _library, ["RAFTKV_SHIM"] = _control };

    /// <summary>Syncs that the process asked for.</summary>
    public long SyncCount => Get(Syncs);

    /// <summary>Errors that it was given.</summary>
    public long ErrorCount => Get(Errors);

    /// <summary>How often it looked at the wall clock.</summary>
    public long ClockReadCount => Get(ClockReads);

    /// <summary>Reads from files.</summary>
    public long ReadCount => Get(Reads);

    /// <summary>Builds the library in a directory; null where no C compiler is.</summary>
    public static string? Build(string directory)
    {
        var source = Path.Combine(directory, "shim.c");
        var library = Path.Combine(directory, "shim.so");
        if (!OperatingSystem.IsLinux())
            return null;
        File.WriteAllText(source, MachineShimSource.Text);
        try
        {
            using var compiler = Process.Start(new ProcessStartInfo("cc", ["-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"]) { RedirectStandardError = true })!;
            var errors = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            return compiler.ExitCode == 0 ? library : throw new InvalidOperationException($"the shim does not compile: {errors}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // There is no compiler.
        }
    }

    /// <summary>How syncs go from now on.</summary>
    public void SetSync(DiskMode mode, TimeSpan delay = default)
    {
        Set(SyncDelay, (int)delay.TotalMicroseconds);
        Set(SyncMode, (int)mode);
    }

    /// <summary>How writes go from now on.</summary>
    public void SetWrite(DiskMode mode, TimeSpan delay = default)
    {
        Set(WriteDelay, (int)delay.TotalMicroseconds);
        Set(WriteMode, (int)mode);
    }

    /// <summary>How long a read from a file takes from now on.</summary>
    public void SetRead(TimeSpan delay) => Set(ReadDelay, (int)delay.TotalMicroseconds);

    /// <summary>By how much the wall clock is wrong from now on.</summary>
    public void SetClock(TimeSpan offset)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, (long)offset.TotalNanoseconds);
        Write(ClockOffset, bytes);
    }

    /// <summary>All is well again.</summary>
    public void Heal()
    {
        SetSync(DiskMode.Good);
        SetWrite(DiskMode.Good);
        SetRead(default);
        SetClock(default);
    }

    /// <summary>Forgets the errors that were given.</summary>
    public void ForgetErrors() => Write(Errors, stackalloc byte[8]);

    private void Set(int field, int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        Write(field, bytes);
    }

    private void Write(int at, ReadOnlySpan<byte> bytes)
    {
        using var file = File.OpenHandle(_control, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(file, bytes, at);
    }

    private long Get(int at)
    {
        using var file = File.OpenHandle(_control, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        Span<byte> bytes = stackalloc byte[8];
        RandomAccess.Read(file, bytes, at);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }
}
