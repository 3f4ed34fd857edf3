namespace RaftKv.Consensus.Raft;

/// <summary>SplitMix64: equal seeds give equal sequences on every machine and runtime.</summary>
internal sealed class DeterministicRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A number in [0, bound); 0 if the bound is not positive.</summary>
    public long Below(long bound)
    {
        _state += 0x9E3779B97F4A7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z ^= z >> 31;
        return bound <= 0 ? 0 : (long)(z % (ulong)bound);
    }
}
