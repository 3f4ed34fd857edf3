using System.Numerics;

namespace RaftKv.Engine.State.Sessions;

/// <summary>A set of a session's page numbers, 0 to 255.</summary>
internal sealed class PageSet
{
    private const int Count = SessionLimits.Window / SessionLimits.PageSize;

    private readonly ulong[] _bits = new ulong[Count / 64];

    public bool Contains(int page) => (_bits[page >> 6] & (1UL << page)) != 0;

    public void Set(int page, bool member)
    {
        if (member)
            _bits[page >> 6] |= 1UL << page;
        else
            _bits[page >> 6] &= ~(1UL << page);
    }

    /// <summary>The smallest member above <paramref name="page"/> (which may be -1), or -1.</summary>
    public int Next(int page)
    {
        for (var next = page + 1; next < Count; next = (next | 63) + 1)
        {
            var rest = _bits[next >> 6] >> next;
            if (rest != 0)
                return next + BitOperations.TrailingZeroCount(rest);
        }
        return -1;
    }
}
