using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>Independent streams of random numbers from one seed, one for each purpose, so that a change in one place does not change all others.</summary>
internal static class Randomness
{
    /// <summary>The stream of a purpose.</summary>
    public static SeededRandom Fork(ulong seed, string purpose, ulong number = 0)
    {
        var state = seed * 0x9E3779B97F4A7C15 ^ number * 0xD1B54A32D192ED03;
        foreach (var c in purpose)
            state = (state ^ c) * 0x100000001B3;
        return new SeededRandom(state);
    }

    /// <summary>A number of nanoseconds from a range.</summary>
    public static long Time(this SeededRandom random, long from, long through) => from + (long)(random.Next() % (ulong)(through - from + 1));

    /// <summary>One of several.</summary>
    public static T Pick<T>(this SeededRandom random, IReadOnlyList<T> items) => items[random.Below(items.Count)];
}
