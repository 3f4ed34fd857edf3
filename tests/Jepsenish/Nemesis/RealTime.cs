using System.Diagnostics;

namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>The clock of runs with real processes: the one place in the tests that waits for real time, because the processes under test live in it.</summary>
internal static class RealTime
{
    private static readonly long Start = Stopwatch.GetTimestamp();

    /// <summary>Monotonic nanoseconds since the process began.</summary>
    public static long Now => (long)Stopwatch.GetElapsedTime(Start).TotalNanoseconds;

    /// <summary>Waits; ends early, without an error, when cancelled.</summary>
    public static async Task Pass(TimeSpan time, CancellationToken cancellation = default) =>
        await Task.Delay(time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>Asks again and again until the answer is yes; false when it was not within the time.</summary>
    public static async Task<bool> Until(Func<Task<bool>> condition, TimeSpan limit)
    {
        var end = Now + (long)limit.TotalNanoseconds;
        while (!await condition())
        {
            if (Now > end)
                return false;
            await Pass(TimeSpan.FromMilliseconds(50));
        }
        return true;
    }
}
