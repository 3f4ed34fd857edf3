using System.Numerics;

namespace RaftKv.Bench.Load;

/// <summary>
/// Counts of latencies in buckets whose width is at most 1/64 of their value, from 1 ns to beyond an hour; exact below 64 ns. Not thread-safe: one per client, merged at the end.
/// </summary>
public sealed class LatencyHistogram
{
    private const int PrecisionBits = 6;
    private const int SubBuckets = 1 << PrecisionBits;
    private readonly long[] _counts = new long[(64 - PrecisionBits) * SubBuckets];

    /// <summary>Number of latencies recorded.</summary>
    public long Count { get; private set; }

    /// <summary>The largest, in nanoseconds, exactly.</summary>
    public long Max { get; private set; }

    /// <summary>Adds <paramref name="times"/> latencies of equal length.</summary>
    public void Record(long nanoseconds, long times = 1)
    {
        nanoseconds = Math.Max(nanoseconds, 0);
        _counts[Bucket(nanoseconds)] += times;
        Count += times;
        Max = Math.Max(Max, nanoseconds);
    }

    /// <summary>Adds what another one counted.</summary>
    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < _counts.Length; i++)
            _counts[i] += other._counts[i];
        Count += other.Count;
        Max = Math.Max(Max, other.Max);
    }

    /// <summary>A latency, in nanoseconds, that the given share (0 to 1) of all do not exceed: the upper end of its bucket, at most <see cref="Max"/>. 0 if nothing was recorded.</summary>
    public long Percentile(double share)
    {
        var wanted = (long)Math.Ceiling(Count * share);
        long seen = 0;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted && seen > 0)
                return Math.Min(UpperEnd(i), Max);
        }

        return Max;
    }

    private static int Bucket(long value)
    {
        if (value < SubBuckets)
            return (int)value;
        var shift = BitOperations.Log2((ulong)value) - PrecisionBits;
        return ((shift + 1) << PrecisionBits) + (int)((value >> shift) - SubBuckets);
    }

    private static long UpperEnd(int bucket)
    {
        if (bucket < SubBuckets)
            return bucket;
        var shift = (bucket >> PrecisionBits) - 1;
        return ((long)(bucket & (SubBuckets - 1)) + SubBuckets + 1 << shift) - 1;
    }
}
