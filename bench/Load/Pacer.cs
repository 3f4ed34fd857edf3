using System.Diagnostics;
using System.Runtime.InteropServices;

namespace RaftKv.Bench.Load;

/// <summary>Calls at an even rate from one thread: as soon as a call is due, however late the ones before were.</summary>
public static partial class Pacer
{
    /// <summary>
    /// Makes one call per due time, from <paramref name="begin"/> to <paramref name="end"/> (timestamps); <paramref name="idle"/> is called before each pause.
    /// Returns how many calls were not made because they would have come after <paramref name="giveUp"/>: this machine cannot keep the rate.
    /// </summary>
    public static long Run(double perSecond, long begin, long end, long giveUp, Action<long> due, Action idle)
    {
        var interval = Stopwatch.Frequency / perSecond;
        for (long number = 0; ; number++)
        {
            var dueAt = begin + (long)(number * interval);
            if (dueAt >= end)
                return 0;
            while (Stopwatch.GetTimestamp() < dueAt)
            {
                idle();
                Pause();
            }

            if (Stopwatch.GetTimestamp() > giveUp)
                return (long)((end - dueAt) / interval) + 1;

            due(dueAt);
        }
    }

    private static void Pause()
    {
        // Thread.Sleep counts in milliseconds, longer than the latencies to be measured.
        if (OperatingSystem.IsLinux())
            Sleep(new TimeSpec { Nanoseconds = 50_000 }, 0);
        else
            Thread.Yield();
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int Sleep(in TimeSpec time, nint remaining);

    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
