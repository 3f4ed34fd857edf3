using System.Diagnostics;
using System.Runtime.InteropServices;

namespace RaftKv.Consensus.Groups.Node;

/// <summary>
/// The machine's clock. On Linux <see cref="Now"/> is CLOCK_BOOTTIME: CLOCK_MONOTONIC stands still while the machine is suspended, so that a lease read
/// after a resume could believe a lease that others have long seen end. Elsewhere it is <see cref="Stopwatch"/>, whose behaviour across a suspend is the platform's.
/// Thread-safe.
/// </summary>
public sealed partial class MonotonicClock : IClock
{
    private const int ClockBootTime = 7;

    private static readonly bool HasBootTime = ProbeBootTime();

    private MonotonicClock()
    {
    }

    /// <summary>The only instance.</summary>
    public static MonotonicClock Instance { get; } = new();

    /// <inheritdoc/>
    public long Now => HasBootTime ? BootTime() : Stopwatch.GetElapsedTime(0).Ticks * TimeSpan.NanosecondsPerTick;

    /// <inheritdoc/>
    public long UnixMilliseconds => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    private static unsafe long BootTime()
    {
        TimeSpec time;
        var result = GetTime(ClockBootTime, &time);
        Debug.Assert(result == 0, "the probe at start has shown that this clock exists");
        return (time.Seconds * 1_000_000_000L) + time.Nanoseconds;
    }

    private static unsafe bool ProbeBootTime()
    {
        // The layout of timespec below holds on 64-bit systems only.
        if (!OperatingSystem.IsLinux() || nint.Size != 8)
            return false;
        TimeSpec time;
        return GetTime(ClockBootTime, &time) == 0;
    }

    // The call never blocks and takes some tens of nanoseconds through the vDSO: the transition to preemptive mode would cost as much again.
    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    private static unsafe partial int GetTime(int clock, TimeSpec* time);

    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
