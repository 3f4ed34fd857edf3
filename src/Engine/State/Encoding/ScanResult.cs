namespace RaftKv.Engine.State.Encoding;

/// <summary>Reads the items of a scan's page in order: <c>while (page.MoveNext()) ...</c></summary>
public ref struct ScanResult
{
    private readonly bool _keysOnly;
    private ByteReader _rest;
    private uint _left;

    internal ScanResult(ReadOnlySpan<byte> body)
    {
        _rest = new ByteReader(body);
        if (!_rest.TryReadByte(out var flags) || !_rest.TryReadUInt32(out _left) || !_rest.TryReadBytes(out var cursor))
            throw CommandResult.Broken();
        HasMore = (flags & 1) != 0;
        _keysOnly = (flags & 2) != 0;
        Cursor = cursor;
        Count = _left;
    }

    /// <summary>Items of this page.</summary>
    public uint Count { get; }

    /// <summary>Whether another page may have more.</summary>
    public bool HasMore { get; }

    /// <summary>Where the next page begins, exclusively; empty if there is none.</summary>
    public ReadOnlySpan<byte> Cursor { get; }

    /// <summary>The current item's key.</summary>
    public ReadOnlySpan<byte> Key { get; private set; }

    /// <summary>The current item's value; empty if only keys were asked for.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>The current item's revision.</summary>
    public ulong Revision { get; private set; }

    /// <summary>The current item's expiry, milliseconds since the Unix epoch, 0 for never.</summary>
    public long ExpireAt { get; private set; }

    /// <summary>Goes to the next item; false after the last.</summary>
    public bool MoveNext()
    {
        if (_left == 0)
            return false;
        _left--;
        if (!_rest.TryReadBytes(out var key) || !_rest.TryReadUInt64(out var revision) || !_rest.TryReadInt64(out var expireAt))
            throw CommandResult.Broken();
        var value = default(ReadOnlySpan<byte>);
        if (!_keysOnly && !_rest.TryReadBytes(out value))
            throw CommandResult.Broken();
        Key = key;
        Revision = revision;
        ExpireAt = expireAt;
        Value = value;
        return true;
    }
}
