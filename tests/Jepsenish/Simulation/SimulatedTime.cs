namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>Units of simulated time, in nanoseconds.</summary>
internal static class SimulatedTime
{
    public const long Microsecond = 1_000;

    public const long Millisecond = 1_000_000;

    public const long Second = 1_000_000_000;

    /// <summary>A time for people.</summary>
    public static string Show(long nanoseconds) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{nanoseconds / 1e9:F6} s");
}
