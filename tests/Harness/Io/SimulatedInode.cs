namespace RaftKv.Tests.Harness.Io;

/// <summary>A file's content, and what of it a power cut could undo. All access is under the file system's lock.</summary>
internal sealed class SimulatedInode
{
    public const int Sector = 512;

    private static readonly byte[] Zeros = new byte[Sector];

    /// <summary>What each sector held when it was last synced, for those written since.</summary>
    private readonly SortedDictionary<long, byte[]> _unsynced = [];

    /// <summary>The same for sectors that a failed sync has taken for written: no later sync writes them.</summary>
    private readonly SortedDictionary<long, byte[]> _forgotten = [];
    private readonly HashSet<long> _holes = [];
    private byte[] _content = [];
    private long _syncedLength;

    public long Length { get; private set; }

    /// <summary>Bytes that it takes on the disk: its length without the ranges that were given back.</summary>
    public long Occupied => Length - ((long)_holes.Count * Sector);

    public bool IsClean => _unsynced.Count == 0 && _forgotten.Count == 0 && _syncedLength == Length;

    public int Read(long offset, Span<byte> buffer)
    {
        var count = (int)Math.Clamp(Length - offset, 0, buffer.Length);
        _content.AsSpan((int)Math.Min(offset, Length), count).CopyTo(buffer);
        return count;
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
            return;
        Remember(offset, offset + data.Length);
        if (_holes.Count > 0)
            _holes.ExceptWith(Enumerable.Range((int)(offset / Sector), (int)(((offset + data.Length - 1) / Sector) - (offset / Sector) + 1)).Select(sector => (long)sector));
        if (offset + data.Length > Length)
            Resize(offset + data.Length);
        data.CopyTo(_content.AsSpan((int)offset));
    }

    public void SetLength(long length)
    {
        if (length < Length)
        {
            Remember(length, Length);
            _content.AsSpan((int)length, (int)(Length - length)).Clear();
            _holes.RemoveWhere(sector => (sector + 1) * Sector > length);
        }

        Resize(length);
    }

    /// <summary>Whole sectors of the range are zero from now on, durably, and take no space.</summary>
    public void Deallocate(long offset, long length)
    {
        for (var sector = (offset + Sector - 1) / Sector; (sector + 1) * Sector <= Math.Min(offset + length, Length); sector++)
        {
            _content.AsSpan((int)(sector * Sector), Sector).Clear();
            _unsynced.Remove(sector);
            _forgotten.Remove(sector);
            _holes.Add(sector);
        }
    }

    /// <summary>All of it takes space.</summary>
    public void Occupy() => _holes.Clear();

    public void Sync()
    {
        _unsynced.Clear();
        _syncedLength = Length;
    }

    /// <summary>A sync failed: what it was to write stays in memory, is never written, and no later sync tells (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).</summary>
    public void FailSync()
    {
        foreach (var (sector, before) in _unsynced)
            _forgotten[sector] = before;
        _unsynced.Clear();
    }

    /// <summary>What is there after a power cut: each unsynced sector, and the length, as it was or as it is.</summary>
    public SimulatedInode AfterCrash(SeededRandom random)
    {
        var length = random.Below(3) switch { 0 => _syncedLength, 1 => Length, _ => Math.Min(_syncedLength, Length) + (long)(random.Next() % (ulong)(Math.Abs(_syncedLength - Length) + 1)) };
        var content = new byte[Math.Max(length, Math.Max(Length, _syncedLength))];
        _content.AsSpan(0, (int)Length).CopyTo(content);
        var lost = random.Below(4) switch { 0 => 1000, 1 => 0, 2 => 500, _ => random.Below(1001) };
        foreach (var (sector, before) in _unsynced)
        {
            if (random.Chance(lost))
                Undo(content, sector, before);
        }

        foreach (var (sector, before) in _forgotten)
            Undo(content, sector, before);

        var after = new SimulatedInode { _content = content[..(int)length], Length = length };
        after._syncedLength = length;
        after._holes.UnionWith(_holes.Where(sector => (sector + 1) * Sector <= length));
        return after;
    }

    /// <summary>Changes bytes behind everybody's back, durably.</summary>
    public void Corrupt(long offset, Func<byte, byte> change)
    {
        _content[offset] = change(_content[offset]);
        var sector = offset / Sector;
        foreach (var kept in new[] { _unsynced, _forgotten })
        {
            if (!kept.TryGetValue(sector, out var before))
                continue;
            before = [.. before];
            before[offset % Sector] = change(before[offset % Sector]);
            kept[sector] = before;
        }
    }

    private static void Undo(byte[] content, long sector, byte[] before)
    {
        var start = (int)(sector * Sector);
        if (start < content.Length)
            before.AsSpan(0, Math.Min(Sector, content.Length - start)).CopyTo(content.AsSpan(start));
    }

    private void Remember(long from, long to)
    {
        for (var sector = from / Sector; sector * Sector < to; sector++)
        {
            if (_unsynced.ContainsKey(sector))
                continue;
            // Written anew, so that the next sync writes it.
            if (_forgotten.Remove(sector, out var known))
            {
                _unsynced.Add(sector, known);
                continue;
            }

            var start = sector * Sector;
            var before = Zeros;
            if (start < Length && _content.AsSpan((int)start, (int)Math.Min(Sector, Length - start)) is var content && content.ContainsAnyExcept((byte)0))
            {
                before = new byte[Sector];
                content.CopyTo(before);
            }

            _unsynced.Add(sector, before);
        }
    }

    private void Resize(long length)
    {
        if (length > _content.Length)
            Array.Resize(ref _content, (int)Math.Max(length, Math.Min(_content.Length * 2L, Array.MaxLength)));
        Length = length;
    }
}
