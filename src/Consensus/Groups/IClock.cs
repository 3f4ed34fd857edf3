namespace RaftKv.Consensus.Groups;

/// <summary>The time, as an input: the real one, or a simulator's. Thread-safe.</summary>
public interface IClock
{
    /// <summary>Monotonic nanoseconds from an arbitrary origin, counting time in which the machine was suspended. Decides everything that must be safe.</summary>
    long Now { get; }

    /// <summary>Wall clock, milliseconds since the Unix epoch; may jump either way. One of the cluster's, whose majority is believed: <see cref="WallClocks"/>.</summary>
    long UnixMilliseconds { get; }
}
