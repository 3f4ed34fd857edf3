namespace RaftKv.Consensus.Groups;

/// <summary>
/// The time in a group, and how it differs from the wall clocks'. Whatever is relative needs only the first; a date is turned into the group's time where it comes in, and back where it goes out,
/// so that a group whose time differs from the wall clocks' keeps dates as well.
/// </summary>
/// <param name="Now">Milliseconds since the Unix epoch by the group's own count, 0 if nothing is known: expiry is judged by it.</param>
/// <param name="WallLead">Milliseconds by which a majority's wall clocks are ahead of that.</param>
public readonly record struct GroupTime(long Now, long WallLead)
{
    /// <summary>Below this a difference is what clocks always differ by, and dates are kept as they came, so that they are told as they were given.</summary>
    public const long Notable = 1000;

    private long Shift => Math.Abs(WallLead) < Notable ? 0 : WallLead;

    /// <summary>The group's time at a date of the wall clocks; at most <see cref="long.MaxValue"/>.</summary>
    public long FromWall(long unixMilliseconds) => Add(unixMilliseconds, -Shift);

    /// <summary>The wall clocks' date of a moment of the group's time.</summary>
    public long ToWall(long time) => Add(time, Shift);

    private static long Add(long time, long shift)
    {
        var sum = (Int128)time + shift;
        return sum > long.MaxValue ? long.MaxValue : sum < long.MinValue ? long.MinValue : (long)sum;
    }
}
