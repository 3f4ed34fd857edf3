using RaftKv.Consensus.Groups;

namespace RaftKv.Tests.Jepsenish.Simulation.Machines;

/// <summary>A machine's clock as a node sees it. Whoever looks at it may be stopped right behind the look, as a thread may be by its machine: what was read is old by the time it is used.</summary>
internal sealed class TurnClock(MachineClock clock) : IClock
{
    /// <summary>Called after each look.</summary>
    public Action? Looked { get; set; }

    /// <inheritdoc/>
    public long Now
    {
        get
        {
            var now = clock.Now;
            Looked?.Invoke();
            return now;
        }
    }

    /// <inheritdoc/>
    public long UnixMilliseconds => clock.UnixMilliseconds;
}
