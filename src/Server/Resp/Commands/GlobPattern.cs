namespace RaftKv.Server.Resp.Commands;

/// <summary>
/// Redis' glob patterns on bytes: * ? [abc] [^a] [a-z] \x. Time is at most pattern times text, whatever the pattern: only the last star is ever returned to.
/// </summary>
internal static class GlobPattern
{
    public static bool Matches(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> text)
    {
        var (p, t, starP, starT) = (0, 0, -1, 0);
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == (byte)'*')
            {
                (starP, starT) = (++p, t);
                continue;
            }
            if (p < pattern.Length && MatchesOne(pattern, p, text[t], out var next))
            {
                p = next;
                t++;
                continue;
            }
            if (starP < 0)
                return false;
            (p, t) = (starP, ++starT);
        }
        while (p < pattern.Length && pattern[p] == (byte)'*')
            p++;
        return p == pattern.Length;
    }

    /// <summary>The bytes with which every match begins: what a scan of an ordered store can start from.</summary>
    public static ReadOnlySpan<byte> LiteralPrefix(ReadOnlySpan<byte> pattern)
    {
        var special = pattern.IndexOfAny("*?[\\"u8);
        return special < 0 ? pattern : pattern[..special];
    }

    private static bool MatchesOne(ReadOnlySpan<byte> pattern, int p, byte c, out int next)
    {
        next = p + 1;
        switch (pattern[p])
        {
            case (byte)'?':
                return true;
            case (byte)'[':
                return MatchesClass(pattern, p + 1, c, out next);
            case (byte)'\\' when p + 1 < pattern.Length:
                next = p + 2;
                return pattern[p + 1] == c;
            default:
                return pattern[p] == c;
        }
    }

    private static bool MatchesClass(ReadOnlySpan<byte> pattern, int p, byte c, out int next)
    {
        var negated = p < pattern.Length && pattern[p] == (byte)'^';
        if (negated)
            p++;
        var found = false;
        for (; p < pattern.Length && pattern[p] != (byte)']'; p++)
        {
            if (pattern[p] == (byte)'\\' && p + 1 < pattern.Length)
                found |= pattern[++p] == c;
            else if (p + 2 < pattern.Length && pattern[p + 1] == (byte)'-')
            {
                var (low, high) = (Math.Min(pattern[p], pattern[p + 2]), Math.Max(pattern[p], pattern[p + 2]));
                found |= c >= low && c <= high;
                p += 2;
            }
            else
                found |= pattern[p] == c;
        }
        next = Math.Min(p + 1, pattern.Length);
        return found != negated;
    }
}
