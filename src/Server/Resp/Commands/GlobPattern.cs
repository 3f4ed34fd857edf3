using RaftKv.Engine;

namespace RaftKv.Server.Resp.Commands;

/// <summary>
/// One of Redis' glob patterns on bytes: * ? [abc] [^a] [a-z] \x. Every byte of a text is looked at once, and moves all the ways in which the pattern may match by a few shifts of
/// words (an automaton with a bit per state), so that no pattern and no text makes it slow: keys are matched on the threads that serve sockets.
/// </summary>
internal sealed class GlobPattern
{
    /// <summary>The table of a pattern grows with it: 32 bytes for each byte of a pattern.</summary>
    public const int MaxBytes = 1_024;

    private readonly byte[] _prefix;
    private readonly int _words;
    private readonly int _end;

    /// <summary>For each byte, which of the pattern's atoms accept it.</summary>
    private readonly ulong[] _accepts;

    /// <summary>The states in which a star lets any byte pass.</summary>
    private readonly ulong[] _stays;

    /// <summary>The caller has seen to it that the pattern is no longer than <see cref="MaxBytes"/>.</summary>
    public GlobPattern(ReadOnlySpan<byte> pattern)
    {
        Invariant.That(pattern.Length <= MaxBytes, "a pattern over the limit was compiled");
        var special = pattern.IndexOfAny("*?[\\"u8);
        _prefix = (special < 0 ? pattern : pattern[..special]).ToArray();
        _words = (pattern.Length / 64) + 1;
        _accepts = new ulong[256 * _words];
        _stays = new ulong[_words];
        var atom = 0;
        for (var p = 0; p < pattern.Length;)
        {
            if (pattern[p] == (byte)'*')
            {
                Set(_stays, 0, atom);
                p++;
                continue;
            }
            p = Atom(pattern, p, atom);
            atom++;
        }
        _end = atom;
    }

    /// <summary>The bytes with which every match begins: what a scan of an ordered store can start from.</summary>
    public ReadOnlySpan<byte> LiteralPrefix => _prefix;

    public bool Matches(ReadOnlySpan<byte> text)
    {
        // Bit n: the first n atoms match what was seen so far.
        Span<ulong> states = stackalloc ulong[_words];
        states.Clear();
        states[0] = 1;
        foreach (var c in text)
        {
            var accepts = _accepts.AsSpan(c * _words, _words);
            var (carry, any) = (0UL, 0UL);
            for (var i = 0; i < states.Length; i++)
            {
                var moved = states[i] & accepts[i];
                states[i] = (moved << 1) | carry | (states[i] & _stays[i]);
                carry = moved >> 63;
                any |= states[i];
            }
            if (any == 0)
                return false;
            if (IsSet(states, _end) && IsSet(_stays, _end))
                return true;
        }
        return IsSet(states, _end);
    }

    /// <summary>Notes what the atom at <paramref name="p"/> accepts; gives where the next one begins.</summary>
    private int Atom(ReadOnlySpan<byte> pattern, int p, int atom)
    {
        switch (pattern[p])
        {
            case (byte)'?':
                for (var c = 0; c < 256; c++)
                    Accept((byte)c, atom);
                return p + 1;
            case (byte)'[':
                return Class(pattern, p + 1, atom);
            case (byte)'\\' when p + 1 < pattern.Length:
                Accept(pattern[p + 1], atom);
                return p + 2;
            default:
                Accept(pattern[p], atom);
                return p + 1;
        }
    }

    private int Class(ReadOnlySpan<byte> pattern, int p, int atom)
    {
        var negated = p < pattern.Length && pattern[p] == (byte)'^';
        if (negated)
            p++;
        Span<bool> found = stackalloc bool[256];
        found.Clear();
        for (; p < pattern.Length && pattern[p] != (byte)']'; p++)
        {
            if (pattern[p] == (byte)'\\' && p + 1 < pattern.Length)
                found[pattern[++p]] = true;
            else if (p + 2 < pattern.Length && pattern[p + 1] == (byte)'-')
            {
                var (low, high) = (Math.Min(pattern[p], pattern[p + 2]), Math.Max(pattern[p], pattern[p + 2]));
                found[low..(high + 1)].Fill(true);
                p += 2;
            }
            else
                found[pattern[p]] = true;
        }
        for (var c = 0; c < 256; c++)
        {
            if (found[c] != negated)
                Accept((byte)c, atom);
        }
        return Math.Min(p + 1, pattern.Length);
    }

    private void Accept(byte c, int atom) => Set(_accepts, c * _words, atom);

    private static void Set(ulong[] bits, int from, int bit) => bits[from + (bit >> 6)] |= 1UL << (bit & 63);

    private static bool IsSet(ReadOnlySpan<ulong> bits, int bit) => ((bits[bit >> 6] >> (bit & 63)) & 1) != 0;
}
