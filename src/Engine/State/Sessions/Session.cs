using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;

namespace RaftKv.Engine.State.Sessions;

/// <summary>
/// One client's requests, as far as they are remembered: a ring of outcomes by sequence number.
/// Invariant: outcomes are known for, and only for, sequences in (Floor, Highest], and Highest - Floor is at most <see cref="SessionLimits.Window"/>; at or below Floor everything is forgotten.
/// Invariant: no body is retained for a sequence below DroppedBelow.
/// Invariant: all of it is a function of the log: two replicas at the same index have equal sessions, whatever they saved and reloaded in between.
/// </summary>
internal sealed class Session(ulong number)
{
    private const int SmallestRing = 16;
    private const int HeadSize = 40;

    private SessionOutcome[] _ring = new SessionOutcome[SmallestRing];
    private Dictionary<ulong, Retained>? _retained;
    private readonly PageSet _dirty = new();
    private readonly PageSet _saved = new();

    private readonly record struct Retained(byte[] Array, int Length)
    {
        public ReadOnlySpan<byte> Span => Array.AsSpan(0, Length);
    }

    /// <summary>Index of the entry that opened it.</summary>
    public ulong Number { get; } = number;

    /// <summary>State-machine time of its last request.</summary>
    public long LastTime { get; private set; }

    /// <summary>Entry of its last request: sessions are evicted in this order.</summary>
    public ulong LastIndex { get; private set; }

    /// <summary>All at or below is forgotten.</summary>
    public ulong Floor { get; private set; }

    /// <summary>The largest sequence seen.</summary>
    public ulong Highest { get; private set; }

    /// <summary>Bodies below are dropped.</summary>
    public ulong DroppedBelow { get; private set; }

    /// <summary>Bytes of retained bodies.</summary>
    public long RetainedBytes { get; private set; }

    /// <summary>Neighbours in the table's order of use.</summary>
    public Session? Older { get; set; }

    /// <inheritdoc cref="Older"/>
    public Session? Newer { get; set; }

    /// <summary>Whether it changed since it was saved.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Notes a request.</summary>
    public void Touch(ulong index, long time) => (LastIndex, LastTime) = (index, time);

    /// <summary>The outcome of a sequence, if it is remembered; <paramref name="forgotten"/> if it may have had one.</summary>
    public bool TryFind(ulong sequence, out SessionOutcome outcome, out bool forgotten)
    {
        forgotten = sequence <= Floor;
        outcome = forgotten ? default : _ring[Slot(sequence)];
        return !forgotten && outcome.Sequence == sequence;
    }

    /// <summary>Appends the result that was recorded with an outcome; false if it was dropped.</summary>
    public bool TryWriteResult(in SessionOutcome outcome, PooledBuffer into)
    {
        if (outcome.Body == OutcomeBody.Dropped)
            return false;
        if (outcome.Body == OutcomeBody.RetainedWhole)
        {
            into.Write(_retained![outcome.Sequence].Span);
            return true;
        }
        into.WriteByte((byte)outcome.Status);
        into.WriteUInt64(outcome.Index);
        if (outcome.Body == OutcomeBody.Inline)
            into.WriteUInt64(outcome.Inline);
        else if (outcome.Body == OutcomeBody.Retained)
            into.Write(_retained![outcome.Sequence].Span);
        return true;
    }

    /// <summary>
    /// Remembers that a request ended with <paramref name="result"/> in the entry at <paramref name="index"/>, unless it is below the window by now:
    /// a request that settles another, far ahead, moves the window past itself.
    /// </summary>
    public void Record(ulong sequence, ulong index, ReadOnlySpan<byte> result)
    {
        Invariant.That(!TryFind(sequence, out _, out var forgotten), $"session {Number}: sequence {sequence} ended twice");
        if (forgotten)
            return;
        AdvanceTo(sequence);
        var head = new CommandResult(result);
        var body = head.Body;
        var outcome = new SessionOutcome { Sequence = sequence, Index = index, Status = head.Status };
        // Reads carry the revision of the record that they found, not of their entry.
        if (head.Revision != index)
            body = result;
        if (head.Revision == index && body.Length == 8)
            (outcome.Body, outcome.Inline) = (OutcomeBody.Inline, BinaryPrimitives.ReadUInt64LittleEndian(body));
        else if (body.Length > SessionLimits.MaxRetainedBytes || (body.Length > 0 && sequence < DroppedBelow))
            outcome.Body = OutcomeBody.Dropped;
        else if (body.Length > 0)
            outcome.Body = head.Revision == index ? OutcomeBody.Retained : OutcomeBody.RetainedWhole;
        if (outcome.Body is OutcomeBody.Retained or OutcomeBody.RetainedWhole)
            Retain(sequence, body);
        _ring[Slot(sequence)] = outcome;
        _dirty.Set(Page(sequence), true);
        if (RetainedBytes > SessionLimits.MaxRetainedBytes)
            DropOldest();
    }

    /// <summary>Drops bodies of sequences below <paramref name="bound"/>: the client will not ask for them.</summary>
    public void DropBelow(ulong bound)
    {
        if (bound <= DroppedBelow)
            return;
        if (_retained is { Count: > 0 })
        {
            for (var sequence = Math.Max(DroppedBelow, Floor + 1); sequence < bound && sequence <= Highest; sequence++)
                Drop(sequence);
        }
        DroppedBelow = bound;
    }

    /// <summary>Gives pooled memory back; the session is not used after it.</summary>
    public void Release()
    {
        if (_retained is null)
            return;
        foreach (var retained in _retained.Values)
            ArrayPool<byte>.Shared.Return(retained.Array);
        _retained = null;
    }

    /// <summary>Encodes all but the outcomes: last time, last index, floor, highest, dropped-below (8 bytes each).</summary>
    public void WriteHead(PooledBuffer into)
    {
        into.WriteInt64(LastTime);
        into.WriteUInt64(LastIndex);
        into.WriteUInt64(Floor);
        into.WriteUInt64(Highest);
        into.WriteUInt64(DroppedBelow);
    }

    /// <summary>Decodes what <see cref="WriteHead"/> wrote.</summary>
    public static Session ReadHead(ulong number, ReadOnlySpan<byte> bytes)
    {
        Invariant.That(bytes.Length == HeadSize, $"session {number}: its saved head is {bytes.Length} bytes long, not {HeadSize}");
        var session = new Session(number)
        {
            LastTime = BinaryPrimitives.ReadInt64LittleEndian(bytes),
            LastIndex = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            Floor = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            Highest = BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]),
            DroppedBelow = BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]),
        };
        session.EnsureRing(session.Highest - session.Floor);
        return session;
    }

    /// <summary>
    /// The next page after <paramref name="page"/> (-1 to begin) that changed since it was saved; -1 when there is none. The page counts as saved from then on.
    /// Pages divide the window modulo its size, so that a session's records are written over and never grow in number.
    /// </summary>
    public int TakeDirtyPage(int page)
    {
        var next = _dirty.Next(page);
        if (next >= 0)
            _dirty.Set(next, false);
        return next;
    }

    /// <summary>
    /// Encodes a page: for each outcome, ascending: sequence (8), entry's index (8), status (1), body form (1), then 8 bytes if inline, or length and bytes if retained.
    /// Says whether a record of it is stored, and takes it that from now on there is one exactly if something was written.
    /// </summary>
    public bool WritePage(int page, PooledBuffer into)
    {
        var before = into.Length;
        // The window may cover the head of this page from one lap and its tail from the lap before.
        var lap = (Floor + 1) & ~(ulong)(SessionLimits.Window - 1);
        WriteRun(lap + (ulong)(page * SessionLimits.PageSize), into);
        WriteRun(unchecked(lap + SessionLimits.Window + (ulong)(page * SessionLimits.PageSize)), into);
        var wasSaved = _saved.Contains(page);
        _saved.Set(page, into.Length > before);
        return wasSaved;
    }

    /// <summary>The next page after <paramref name="page"/> of which a record is stored; -1 when there is none.</summary>
    public int NextSavedPage(int page) => _saved.Next(page);

    /// <summary>Decodes what <see cref="WritePage"/> wrote.</summary>
    public void ReadPage(int page, ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        while (!reader.AtEnd)
        {
            var outcome = default(SessionOutcome);
            var whole = reader.TryReadUInt64(out outcome.Sequence) & reader.TryReadUInt64(out outcome.Index)
                & reader.TryReadByte(out var status) & reader.TryReadByte(out var form);
            Invariant.That(
                whole && outcome.Sequence > Floor && outcome.Sequence <= Highest && Page(outcome.Sequence) == page && form <= (byte)OutcomeBody.RetainedWhole,
                $"session {Number}: saved page {page} is damaged");
            (outcome.Status, outcome.Body) = ((ResultStatus)status, (OutcomeBody)form);
            if (outcome.Body == OutcomeBody.Inline)
                Invariant.That(reader.TryReadUInt64(out outcome.Inline), $"session {Number}: saved page {page} is damaged");
            if (outcome.Body is OutcomeBody.Retained or OutcomeBody.RetainedWhole)
            {
                Invariant.That(reader.TryReadBytes(out var body), $"session {Number}: saved page {page} is damaged");
                Retain(outcome.Sequence, body);
            }
            _ring[Slot(outcome.Sequence)] = outcome;
        }
        _saved.Set(page, true);
    }

    private static int Page(ulong sequence) => (int)(sequence % SessionLimits.Window / SessionLimits.PageSize);

    private int Slot(ulong sequence) => (int)(sequence & (ulong)(_ring.Length - 1));

    private void WriteRun(ulong first, PooledBuffer into)
    {
        for (var i = 0UL; i < SessionLimits.PageSize; i++)
        {
            var sequence = unchecked(first + i);
            if (sequence > Highest || !TryFind(sequence, out var outcome, out _))
                continue;
            into.WriteUInt64(sequence);
            into.WriteUInt64(outcome.Index);
            into.WriteByte((byte)outcome.Status);
            into.WriteByte((byte)outcome.Body);
            if (outcome.Body == OutcomeBody.Inline)
                into.WriteUInt64(outcome.Inline);
            else if (outcome.Body is OutcomeBody.Retained or OutcomeBody.RetainedWhole)
                into.WriteBytes(_retained![sequence].Span);
        }
    }

    private void AdvanceTo(ulong sequence)
    {
        if (sequence <= Highest)
            return;
        var floor = sequence > SessionLimits.Window ? Math.Max(Floor, sequence - SessionLimits.Window) : Floor;
        for (var forgotten = Floor + 1; forgotten <= floor && forgotten <= Highest; forgotten++)
        {
            Drop(forgotten);
            _dirty.Set(Page(forgotten), true);
        }
        EnsureRing(sequence - floor);
        Floor = floor;
        Highest = sequence;
    }

    private void EnsureRing(ulong span)
    {
        if (span <= (ulong)_ring.Length)
            return;
        Invariant.That(span <= SessionLimits.Window, $"session {Number}: a window of {span} sequences");
        var old = _ring;
        _ring = new SessionOutcome[(int)BitOperations.RoundUpToPowerOf2((uint)span)];
        foreach (ref readonly var outcome in old.AsSpan())
        {
            if (outcome.Sequence > Floor)
                _ring[Slot(outcome.Sequence)] = outcome;
        }
    }

    private void Retain(ulong sequence, ReadOnlySpan<byte> body)
    {
        var array = ArrayPool<byte>.Shared.Rent(body.Length);
        body.CopyTo(array);
        (_retained ??= []).Add(sequence, new Retained(array, body.Length));
        RetainedBytes += body.Length;
    }

    private void Drop(ulong sequence)
    {
        if (_retained is null || !_retained.Remove(sequence, out var retained))
            return;
        RetainedBytes -= retained.Length;
        ArrayPool<byte>.Shared.Return(retained.Array);
        _ring[Slot(sequence)].Body = OutcomeBody.Dropped;
        _dirty.Set(Page(sequence), true);
    }

    private void DropOldest()
    {
        var sequence = Math.Max(DroppedBelow, Floor + 1);
        for (; RetainedBytes > SessionLimits.MaxRetainedBytes; sequence++)
            Drop(sequence);
        DroppedBelow = sequence;
    }
}
