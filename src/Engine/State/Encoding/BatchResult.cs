namespace RaftKv.Engine.State.Encoding;

/// <summary>Reads the results of a batch's commands in order: <c>while (results.MoveNext()) ...</c></summary>
public ref struct BatchResult
{
    private ByteReader _rest;
    private uint _left;
    private ReadOnlySpan<byte> _current;

    internal BatchResult(ReadOnlySpan<byte> body)
    {
        _rest = new ByteReader(body);
        if (!_rest.TryReadUInt32(out _left))
            throw CommandResult.Broken();
        Count = _left;
    }

    /// <summary>Number of results.</summary>
    public uint Count { get; }

    /// <summary>The current command's result.</summary>
    public readonly CommandResult Current => new(_current);

    /// <summary>Goes to the next result; false after the last.</summary>
    public bool MoveNext()
    {
        if (_left == 0)
            return false;
        _left--;
        if (!_rest.TryReadUInt32(out var length) || length > int.MaxValue || !_rest.TryReadExactly((int)length, out _current))
            throw CommandResult.Broken();
        return true;
    }
}
