using RaftKv.Consensus.Groups;

namespace RaftKv.Tests.Jepsenish.Simulation.Machines;

/// <summary>A machine's two clocks: a monotonic one that starts anywhere and drifts, and the wall clock, which jumps.</summary>
internal sealed class MachineClock(Scheduler scheduler, int driftPerMillion, long error = 0) : TimeProvider, IClock
{
    // A Saturday in November 2026.
    private const long Epoch = 1_795_248_000_000;

    private long _origin;
    private long _jump = error;

    /// <inheritdoc/>
    public long Now => _origin + scheduler.Now + (scheduler.Now / 1_000_000 * driftPerMillion) + (scheduler.Now % 1_000_000 * driftPerMillion / 1_000_000);

    /// <inheritdoc/>
    public long UnixMilliseconds => Epoch + (scheduler.Now / 1_000_000) + _jump;

    /// <summary>By how many milliseconds the wall clock is wrong.</summary>
    public long Error => _jump;

    /// <summary>The real milliseconds since the Unix epoch that nobody knows.</summary>
    public static long TrueUnixMilliseconds(Scheduler scheduler) => Epoch + (scheduler.Now / 1_000_000);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(UnixMilliseconds);

    /// <summary>The machine starts: its monotonic clock begins anew.</summary>
    public void Restart(long origin) => _origin = origin - scheduler.Now;

    /// <summary>The wall clock is set.</summary>
    public void Jump(long milliseconds) => _jump += milliseconds;

    /// <summary>Simulated nanoseconds until this clock shows a time, at least 1.</summary>
    public long Until(long time)
    {
        var left = time - Now;
        return left <= 0 ? 1 : left == long.MaxValue ? long.MaxValue : (long)(left / (1 + (driftPerMillion / 1e6))) + 1;
    }
}
