namespace RaftKv.Server.Resp.Protocol;

/// <summary>Where an argument lies, relative to the start of its command.</summary>
internal readonly record struct ArgumentRange(int Start, int Length);

/// <summary>A view of one parsed command: argument 0 is its name. Valid until the parser or the buffer under it is used again.</summary>
internal readonly ref struct RespArguments
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly ReadOnlySpan<ArgumentRange> _ranges;

    public RespArguments(ReadOnlySpan<byte> bytes, ReadOnlySpan<ArgumentRange> ranges)
    {
        _bytes = bytes;
        _ranges = ranges;
    }

    public int Count => _ranges.Length;

    public ReadOnlySpan<byte> this[int index] => _bytes.Slice(_ranges[index].Start, _ranges[index].Length);

    /// <summary>Whether this is a line of an HTTP request that no command is mistaken for.</summary>
    public bool IsHttp => Is(0, "POST"u8) || Is(0, "HOST:"u8);

    /// <summary>Whether an argument is a given word, in any case.</summary>
    public bool Is(int index, ReadOnlySpan<byte> upperCaseWord) => System.Text.Ascii.EqualsIgnoreCase(this[index], upperCaseWord);
}
