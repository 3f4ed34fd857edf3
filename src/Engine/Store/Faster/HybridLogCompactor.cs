using System.Buffers.Binary;
using FASTER.core;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store.Checkpoints;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Engine.Store.Keys;

namespace RaftKv.Engine.Store.Faster;

/// <summary>
/// Gives the log's garbage back: copies the live records of its oldest part to its tail, then moves its begin past that part. Page by page: the maintenance thread reads a page and picks
/// what was live when it began, by frozen images of the indexes; the shard's thread appends those that still are, a few between entries, in proportion to what the entries themselves write.
/// FASTER's own compaction would move records behind the indexes' back.
/// </summary>
/// <remarks>
/// Invariant: a record is copied only if its key's index entry still has its address, on the thread that writes: a newer value is never overwritten.
/// Invariant: the log's begin moves only when every live record below is copied, no snapshot opened before that is open, and no checkpoint is under way; the next checkpoint contains the copies and the new begin together.
/// Older versions of a key, and the versions that a tombstone hides, are at lower addresses than it, so they go before it or with it.
/// </remarks>
internal sealed class HybridLogCompactor(FasterStateStore store, LogAccessor<SpanByte, SpanByte> log, SnapshotTickets tickets, WorkerThread? maintenance) : IDisposable
{
    /// <summary>Bytes copied per byte that entries write. At the default share of garbage half of what is read is copied, so that the log shrinks by more than it grows.</summary>
    private const int Pace = 4;
    private const int RecordHead = 16;

    /// <summary>Bytes copied in one step when no entries set the pace: a millisecond or two of the shard's time.</summary>
    private const long UrgentStep = 1 << 20;

    /// <summary>Share of the log that must be garbage for a full disk to be worth the copying.</summary>
    private const double WorthOnTightDisk = 0.25;

    private readonly PooledBuffer _live = new();
    private readonly long _pageBytes = store.Options.PageBytes;
    private long _lastTail = log.TailAddress;
    private long _sinceCheck;
    private long _credit;
    private long _page;
    private long _end;
    private long _cutAt;
    private long _cutTicket;
    private int _next;
    private volatile bool _reading;
    private bool _muchWasForgotten;
    private Exception? _error;

    /// <summary>Whether space should come back without waiting for entries: the disk is tight, or much was forgotten at once.</summary>
    public bool IsUrgent => _muchWasForgotten || (store.IsTight && (HasGarbage(tight: true) || log.BeginAddress - store.GivenBack >= _pageBytes));

    /// <summary>Called between entries: goes on with what is under way, or looks whether there is reason to begin.</summary>
    public void Step()
    {
        var grown = log.TailAddress - _lastTail;
        _lastTail = log.TailAddress;
        if (_end == 0)
        {
            CutIfDone();
            _sinceCheck += grown;
            if (_sinceCheck < _pageBytes / 4)
                return;
            _sinceCheck = 0;
            store.MeasureSpace();
            if (!TryBegin())
                return;
        }
        _credit += grown * Pace;
        GoOn();
    }

    /// <summary>All records of a keyspace became garbage at once: what they took is given back without waiting for as much to be written.</summary>
    public void OnForgotten() => _muchWasForgotten |= log.TailAddress - log.BeginAddress >= store.Options.CompactionFloor && HasGarbage(tight: false);

    /// <summary>A step that waits for no entries. True if a checkpoint is needed to go on: to make records ready for copying, to let go what lies below the log's begin, or to let the write-ahead log shrink.</summary>
    public bool StepUrgently()
    {
        if (_end == 0)
        {
            CutIfDone();
            if (!IsUrgent || !TryBegin())
            {
                var needsCheckpoint = _cutAt == 0 && (log.BeginAddress - store.GivenBack >= _pageBytes || (IsUrgent && EndOfPiece(log.TailAddress) > log.BeginAddress));
                _muchWasForgotten &= needsCheckpoint || _cutAt != 0;
                return !store.CheckpointUnderWay && ((needsCheckpoint && (store.IsTight || _muchWasForgotten)) || (store.IsTight && store.UnwrittenBytes >= _pageBytes));
            }
        }

        _credit = Math.Max(_credit, UrgentStep);
        GoOn();
        return false;
    }

    private void GoOn()
    {
        if (_reading)
            return;
        if (Volatile.Read(ref _error) is { } error)
            throw new StoreFailedException("the store's log could not be read for compaction", error);
        CopyLive();
        _lastTail = log.TailAddress;
    }

    private bool HasGarbage(bool tight)
    {
        var length = log.TailAddress - log.BeginAddress;
        return tight
            ? length >= 2 * _pageBytes && store.LiveBytes <= length * (1 - Math.Min(WorthOnTightDisk, store.Options.MaxGarbage))
            : length >= store.Options.CompactionFloor && store.LiveBytes <= length * (1 - store.Options.MaxGarbage);
    }

    /// <summary>Where the next piece ends if everything below <paramref name="limit"/> may be taken. What is almost all garbage goes at once; on a tight disk the copies must find room before the piece gives any.</summary>
    private long EndOfPiece(long limit)
    {
        var begin = log.BeginAddress;
        var length = log.TailAddress - begin;
        var piece = store.LiveBytes < length / 8 ? length : store.IsTight ? Math.Min(length / 4, store.FreeBytes / 4) : length / 4;
        var end = Math.Min(limit, begin + Math.Max(_pageBytes, piece));
        return end - end % _pageBytes;
    }

    /// <summary>
    /// Moves the log's begin if everything below is copied and nobody needs it. In memory only: the files stay until two checkpoints have been taken since.
    /// FASTER waits here until what is below is flushed; that was asked for long ago, and a full disk is not waited for.
    /// </summary>
    public void CutIfDone()
    {
        if (_cutAt == 0 || store.CheckpointUnderWay || store.IsDiskFull || tickets.AnyBefore(_cutTicket))
            return;
        Sometimes.Reached(Sometimes.StoreLogCut);
        log.ShiftBeginAddress(_cutAt);
        _cutAt = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _live.Dispose();

    private bool TryBegin()
    {
        var begin = log.BeginAddress;
        if (_cutAt != 0 || !(HasGarbage(tight: false) || (store.IsTight && HasGarbage(tight: true))))
            return false;
        var end = EndOfPiece(log.SafeReadOnlyAddress);
        if (end <= begin)
            return false;
        _page = begin;
        _end = end;
        _credit = 0;
        ReadPage();
        return true;
    }

    private void ReadPage()
    {
        _live.Clear();
        _next = 0;
        _reading = true;
        var (from, to) = (_page, Math.Min(_end, _page - _page % _pageBytes + _pageBytes));
        var images = store.Spaces.Values.Where(space => space.Keys.Count > 0).ToDictionary(space => space.Id, space => space.Keys.Freeze());
        _page = to;
        if (maintenance is null)
            PickLive(from, to, images);
        else
            maintenance.Post(() => PickLive(from, to, images));
    }

    /// <summary>Collects a page's live records: <c>address (8) key length (4) value length (4) key value</c>, key and value as stored.</summary>
    private void PickLive(long from, long to, Dictionary<SpaceId, KeyIndex.Cursor> images)
    {
        try
        {
            using var records = log.Scan(from, to, ScanBufferingMode.SinglePageBuffering);
            while (records.GetNext(out var info))
            {
                var key = records.GetKey().AsReadOnlySpan();
                if (info.Tombstone
                    || !images.TryGetValue(SpaceId.Read(key), out var image)
                    || !image.TryGet(key[SpaceId.Size..], out var entry)
                    || entry.Address != records.CurrentAddress)
                    continue;
                var value = records.GetValue().AsReadOnlySpan();
                var head = _live.GetSpan(RecordHead);
                BinaryPrimitives.WriteInt64LittleEndian(head, entry.Address);
                BinaryPrimitives.WriteInt32LittleEndian(head[8..], key.Length);
                BinaryPrimitives.WriteInt32LittleEndian(head[12..], value.Length);
                _live.Advance(RecordHead);
                _live.Write(key);
                _live.Write(value);
            }
        }
        catch (Exception exception) when (exception is IOException or FasterException or OperationCanceledException)
        {
            Volatile.Write(ref _error, exception);
        }
        _reading = false;
    }

    private void CopyLive()
    {
        while (true)
        {
            while (_next < _live.Length)
            {
                if (_credit <= 0)
                    return;
                CopyNext();
            }
            if (_page == _end)
                break;
            ReadPage();
            if (_reading)
                return;
        }
        _cutAt = _end;
        _cutTicket = tickets.Next;
        _end = 0;
    }

    private void CopyNext()
    {
        var record = _live.Span[_next..];
        var address = BinaryPrimitives.ReadInt64LittleEndian(record);
        var keyLength = BinaryPrimitives.ReadInt32LittleEndian(record[8..]);
        var valueLength = BinaryPrimitives.ReadInt32LittleEndian(record[12..]);
        var key = record.Slice(RecordHead, keyLength);
        var value = record.Slice(RecordHead + keyLength, valueLength);
        _next += RecordHead + keyLength + valueLength;
        if (!StoreRecovery.TryGetSpace(store.Spaces, key, out var space) || !space.Keys.TryGet(key[SpaceId.Size..], out var entry) || entry.Address != address)
            return;
        Sometimes.Reached(Sometimes.StoreCompactionCopied);
        _credit -= RecordHead + keyLength + valueLength;
        var header = new RecordHeader(BinaryPrimitives.ReadUInt64LittleEndian(value), BinaryPrimitives.ReadInt64LittleEndian(value[8..]));
        var copy = store.Upsert(space.Id, key[SpaceId.Size..], header, value[StoreFunctions.HeaderSize..], out _);
        Invariant.That(copy > address, $"a record at {address} was copied to {copy}");
        space.Set(key[SpaceId.Size..], entry with { Address = copy }, out _);
    }
}
