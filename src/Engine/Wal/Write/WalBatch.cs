using RaftKv.Engine.Wal.Format;

namespace RaftKv.Engine.Wal.Write;

/// <summary>
/// What one shard wants written, as one atomic unit: after a crash all of it is there or none. Built by one thread, then handed to the log until it is given back; reused after <see cref="Clear"/>.
/// Records take effect in the order in which they were added.
/// </summary>
/// <remarks>
/// Invariant: bytes [FrameHeader.Size, Length) of the buffer are records in their on-disk form; the bytes before are room for the frame's head, so that a lone batch is written without a copy.
/// </remarks>
public sealed class WalBatch
{
    /// <summary>Keeping a rare huge buffer for ever would cost more than growing it again.</summary>
    private const int MaxKeptBytes = 4 << 20;

    private byte[] _buffer = new byte[1024];
    private int _length = FrameHeader.Size;

    /// <summary>Records added.</summary>
    public int Count { get; private set; }

    /// <summary>Whether there is nothing to write.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>Bytes of the records.</summary>
    public int BodyLength => _length - FrameHeader.Size;

    /// <summary>Whether it adds entries: such a batch is refused when the disk is full, others use the reserve.</summary>
    public bool HasEntries { get; private set; }

    /// <summary>For the owner's use; the log does not look at it, and <see cref="Clear"/> resets it.</summary>
    public object? Tag { get; set; }

    /// <summary>Set by an owner that knows of its refused batches (see <see cref="IWalCompletion.OnFailed"/>) and starts again with this one.</summary>
    public bool AfterRefusal { get; set; }

    /// <summary>The next batch in the writer's queue.</summary>
    internal WalBatch? Next { get; set; }

    /// <summary>Who is told; set while posted.</summary>
    internal IWalCompletion? Target { get; set; }

    /// <summary>For a batch of copies: the sequence that its frame must get, because the copies are true only there; else 0.</summary>
    internal ulong CopiesValidAt { get; set; }

    internal Span<byte> Body => _buffer.AsSpan(FrameHeader.Size, BodyLength);

    /// <summary>Forgets the content, keeps the memory.</summary>
    public void Clear()
    {
        if (_buffer.Length > MaxKeptBytes)
            _buffer = new byte[1024];
        _length = FrameHeader.Size;
        Count = 0;
        HasEntries = false;
        Tag = null;
        AfterRefusal = false;
        CopiesValidAt = 0;
    }

    /// <summary>Adds an entry, copying its payload. It replaces every entry of its group at or after its index; its index is at most one above the last.</summary>
    public void AppendEntry(uint group, ulong index, ulong term, byte kind, long timestamp, ReadOnlySpan<byte> payload)
    {
        HasEntries = true;
        Add(new WalRecord(RecordType.Entry, kind, group, index, term, timestamp, payload.Length), payload);
    }

    /// <summary>Sets the group's current term and the node voted for in it (0 for none), in one record: they are never torn apart.</summary>
    public void SetHardState(uint group, ulong term, ulong vote) => Add(new WalRecord(RecordType.HardState, 0, group, vote, term, 0, 0), default);

    /// <summary>
    /// Lets the log begin after this entry: drops entries up to it; drops all of them when the log ends before it or has another term there.
    /// Never below the present start.
    /// </summary>
    public void SetStart(uint group, ulong index, ulong term) => Add(new WalRecord(RecordType.Start, 0, group, index, term, 0, 0), default);

    /// <summary>Forgets the group.</summary>
    public void RemoveGroup(uint group) => Add(new WalRecord(RecordType.Remove, 0, group, 0, 0, 0, 0), default);

    /// <summary>Adds a copy of an entry that lives in an old segment.</summary>
    internal void AppendCopy(in WalRecord entry, ReadOnlySpan<byte> payload) => Add(entry with { Type = RecordType.Copy }, payload);

    /// <summary>The whole frame as it goes to disk, its head still to be written.</summary>
    internal Span<byte> Frame()
    {
        var size = (int)FrameHeader.FrameSizeOf(BodyLength);
        EnsureCapacity(size);
        _buffer.AsSpan(_length, size - _length).Clear();
        return _buffer.AsSpan(0, size);
    }

    private void Add(in WalRecord record, ReadOnlySpan<byte> payload)
    {
        var size = record.Size;
        Invariant.That(_length + size + FrameHeader.Sector <= Array.MaxLength, $"a batch of {_length + size} bytes does not fit into an array");
        EnsureCapacity(_length + (int)size);
        var target = _buffer.AsSpan(_length, (int)size);
        payload.CopyTo(target[WalRecord.HeadSize..]);
        target[(WalRecord.HeadSize + payload.Length)..].Clear();
        record.Encode(target);
        _length += (int)size;
        Count++;
    }

    private void EnsureCapacity(int needed)
    {
        if (needed > _buffer.Length)
            Array.Resize(ref _buffer, (int)Math.Min(Math.Max(needed, _buffer.Length * 2L), Array.MaxLength));
    }
}
