using System.Buffers.Binary;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.State.Sessions;

/// <summary>
/// The client sessions of a group: what makes a retried command harmless. Held in memory, written to <see cref="Keyspace.System"/> by <see cref="Save"/>, before every checkpoint and snapshot.
/// Records, all with key prefix 0x53 and no expiry: prefix alone: the index at which the table was saved (8); with the session (8, big-endian): <see cref="Session.WriteHead"/>;
/// with session and page (1): <see cref="Session.WritePage"/>. A session's records have its number for revision, the first has the index.
/// Invariant: a command of a session is applied only if its sequence is in the window and has no outcome; in every other case it is answered without being applied.
/// Invariant: the order of use is the order of LastIndex; eviction takes the longest idle, by state-machine time or when there are too many, so that all replicas evict the same.
/// Invariant: a table loaded was saved at exactly the index that the state is at, so that no command that the state contains is missing from it.
/// </summary>
internal sealed class SessionTable : IDisposable
{
    private const byte Prefix = 0x53;
    private const int HeadKeySize = 9;

    private readonly Dictionary<ulong, Session> _sessions = [];
    private readonly List<Session> _dirty = [];
    private readonly List<Session> _evicted = [];
    private readonly PooledBuffer _value = new();
    private readonly PooledBuffer _key = new();
    private readonly PooledBuffer _nextKey = new();
    private Session? _oldest;
    private Session? _newest;
    private ulong _savedAt;
    private long _retainedBytes;

    /// <summary>Number of sessions.</summary>
    public int Count => _sessions.Count;

    /// <summary>Opens a session, evicting the longest idle when there are too many.</summary>
    public void Open(ulong number, long time)
    {
        if (_sessions.Count == SessionLimits.MaxSessions)
            Evict(_oldest!);
        var session = new Session(number);
        session.Touch(number, time);
        Invariant.That(_sessions.TryAdd(number, session), $"session {number} opened twice");
        Append(session);
        MarkDirty(session);
    }

    /// <summary>Evicts the sessions that have been idle for too long.</summary>
    public void EvictIdle(long time)
    {
        while (_oldest is { } session && IsIdle(session, time))
            Evict(session);
    }

    private static bool IsIdle(Session session, long time) => time - session.LastTime >= SessionLimits.IdleTime;

    private void Drop(Session session, ulong below)
    {
        var before = session.RetainedBytes;
        session.DropBelow(below);
        _retainedBytes += session.RetainedBytes - before;
    }

    /// <summary>
    /// Decides whether a command of a session is to be applied, and changes nothing. If so, the session must be given the outcome; if not, the result is written.
    /// </summary>
    /// <param name="command">The command.</param>
    /// <param name="context">Where the result goes.</param>
    /// <param name="session">The session, if it is there: to be told that it was used.</param>
    public bool Admit(ReadOnlySpan<byte> command, CommandContext context, out Session? session)
    {
        if (!_sessions.TryGetValue(CommandEnvelope.Session(command), out session) || IsIdle(session, context.Time))
        {
            session = null;
            context.Reply(ResultStatus.UnknownSession);
            return false;
        }
        var sequence = CommandEnvelope.Sequence(command);
        if (session.TryFind(sequence, out var outcome, out var forgotten))
        {
            Sometimes.Reached(Sometimes.DuplicateAnswered);
            if (!session.TryWriteResult(outcome, context.Result))
                context.Reply(ResultStatus.Forgotten);
            return false;
        }
        if (forgotten)
        {
            Sometimes.Reached(Sometimes.DuplicateForgotten);
            context.Reply(sequence == 0 ? ResultStatus.Malformed : ResultStatus.Forgotten);
            return false;
        }
        return true;
    }

    /// <summary>A session sent a command, whether it is applied or not.</summary>
    public void Use(Session session, ReadOnlySpan<byte> command, ulong index, long time)
    {
        Touch(session, index, time);
        // Nobody knows a result before it has asked for it.
        Drop(session, Math.Min(CommandEnvelope.AcknowledgedBelow(command), CommandEnvelope.Sequence(command)));
    }

    /// <summary>Gives a session the outcome of a command; what all sessions retain stays within its bound: the bodies of those that have been idle for longest go first.</summary>
    public void Record(Session session, ulong sequence, ulong index, ReadOnlySpan<byte> result)
    {
        var before = session.RetainedBytes;
        session.Record(sequence, index, result);
        _retainedBytes += session.RetainedBytes - before;
        for (var oldest = _oldest; _retainedBytes > SessionLimits.MaxRetainedInAll && oldest is not null; oldest = oldest.Newer)
        {
            if (oldest.RetainedBytes == 0)
                continue;
            Drop(oldest, oldest.Highest + 1);
            MarkDirty(oldest);
        }
    }

    /// <summary>Settles a request: finds its outcome, or cancels it. Ok, Forgotten, UnknownSession, or Malformed for a request that cannot have been made.</summary>
    public ResultStatus Resolve(ulong number, ulong sequence, ulong index, out RequestOutcome outcome, out ResultStatus status, out ulong revision)
    {
        (outcome, status, revision) = (default, default, 0);
        if (!_sessions.TryGetValue(number, out var session))
            return ResultStatus.UnknownSession;
        // Cancelling a sequence moves the window up to it; one far ahead would make it forget what clients still wait for.
        if (sequence > session.Highest && sequence - session.Highest > SessionLimits.Window / 2)
            return ResultStatus.Malformed;
        if (!session.TryFind(sequence, out var found, out var forgotten))
        {
            if (forgotten)
                return ResultStatus.Forgotten;
            Sometimes.Reached(Sometimes.OutcomeCancelled);
            Span<byte> cancelled = stackalloc byte[CommandResult.HeadSize];
            cancelled[0] = (byte)ResultStatus.Cancelled;
            BinaryPrimitives.WriteUInt64LittleEndian(cancelled[1..], index);
            Record(session, sequence, index, cancelled);
            MarkDirty(session);
            outcome = RequestOutcome.NeverApplied;
            return ResultStatus.Ok;
        }
        outcome = found.Status == ResultStatus.Cancelled ? RequestOutcome.NeverApplied : RequestOutcome.Applied;
        (status, revision) = outcome == RequestOutcome.Applied ? (found.Status, found.Index) : (default, 0UL);
        return ResultStatus.Ok;
    }

    /// <summary>Writes what changed since the last time into the state.</summary>
    public void Save(IGroupState state)
    {
        foreach (var session in _evicted)
            RemoveRecords(state, session);
        _evicted.Clear();
        foreach (var session in _dirty)
        {
            // One evicted since it became dirty has just been removed.
            if (session.IsDirty)
                SaveSession(state, session);
        }
        _dirty.Clear();
        var index = state.Applied.Index;
        if (_savedAt == index)
            return;
        _savedAt = index;
        _value.Clear();
        _value.WriteUInt64(index);
        state.Write(Keyspace.System, [Prefix], new RecordHeader(index, 0), _value.Span);
    }

    /// <summary>Forgets all and reads what <see cref="Save"/> wrote.</summary>
    public void Load(IGroupState state)
    {
        Forget();
        _key.Clear();
        _key.WriteByte(Prefix);
        _value.Clear();
        if (state.Read(Keyspace.System, _key.Span, _value, out _))
            _savedAt = BinaryPrimitives.ReadUInt64LittleEndian(_value.Span);
        Invariant.That(
            _savedAt == state.Applied.Index,
            $"group {state.Group}: the state is at index {state.Applied.Index}, its sessions were saved at {_savedAt}: commands could be applied twice");
        var loaded = new List<Session>();
        var (key, next) = (_key, _nextKey);
        for (; state.TryGetNextKey(Keyspace.System, key.Span, true, next) && next.Span[0] == Prefix; (key, next) = (next, key))
        {
            _value.Clear();
            state.Read(Keyspace.System, next.Span, _value, out _);
            var number = BinaryPrimitives.ReadUInt64BigEndian(next.Span[1..]);
            // A session's head comes before its pages, being a prefix of their keys.
            if (next.Length == HeadKeySize)
                loaded.Add(Session.ReadHead(number, _value.Span));
            else
                loaded[^1].ReadPage(next.Span[HeadKeySize], _value.Span);
        }
        loaded.Sort((a, b) => a.LastIndex.CompareTo(b.LastIndex));
        foreach (var session in loaded)
        {
            _sessions.Add(session.Number, session);
            _retainedBytes += session.RetainedBytes;
            Append(session);
        }
    }

    public void Dispose()
    {
        Forget();
        _value.Dispose();
        _key.Dispose();
        _nextKey.Dispose();
    }

    private void SaveSession(IGroupState state, Session session)
    {
        session.IsDirty = false;
        var header = new RecordHeader(session.Number, 0);
        _value.Clear();
        session.WriteHead(_value);
        state.Write(Keyspace.System, HeadKey(session), header, _value.Span);
        for (var page = session.TakeDirtyPage(-1); page >= 0; page = session.TakeDirtyPage(page))
        {
            _value.Clear();
            var wasSaved = session.WritePage(page, _value);
            if (_value.Length > 0)
                state.Write(Keyspace.System, PageKey(session, page), header, _value.Span);
            else if (wasSaved)
                state.Remove(Keyspace.System, PageKey(session, page));
        }
    }

    private void RemoveRecords(IGroupState state, Session session)
    {
        state.Remove(Keyspace.System, HeadKey(session));
        for (var page = session.NextSavedPage(-1); page >= 0; page = session.NextSavedPage(page))
            state.Remove(Keyspace.System, PageKey(session, page));
    }

    private ReadOnlySpan<byte> HeadKey(Session session)
    {
        _key.SetLength(HeadKeySize);
        _key.WritableSpan[0] = Prefix;
        BinaryPrimitives.WriteUInt64BigEndian(_key.WritableSpan[1..], session.Number);
        return _key.Span;
    }

    private ReadOnlySpan<byte> PageKey(Session session, int page)
    {
        HeadKey(session);
        _key.WriteByte((byte)page);
        return _key.Span;
    }

    private void MarkDirty(Session session)
    {
        if (session.IsDirty)
            return;
        session.IsDirty = true;
        _dirty.Add(session);
    }

    private void Touch(Session session, ulong index, long time)
    {
        session.Touch(index, time);
        MarkDirty(session);
        if (session == _newest)
            return;
        Unlink(session);
        Append(session);
    }

    private void Append(Session session)
    {
        Invariant.That(_newest is null || _newest.LastIndex < session.LastIndex, $"session {session.Number}: used at {session.LastIndex}, out of order");
        session.Older = _newest;
        session.Newer = null;
        if (_newest is null)
            _oldest = session;
        else
            _newest.Newer = session;
        _newest = session;
    }

    private void Unlink(Session session)
    {
        if (session.Older is null)
            _oldest = session.Newer;
        else
            session.Older.Newer = session.Newer;
        if (session.Newer is null)
            _newest = session.Older;
        else
            session.Newer.Older = session.Older;
    }

    private void Evict(Session session)
    {
        Sometimes.Reached(Sometimes.SessionEvicted);
        Unlink(session);
        _sessions.Remove(session.Number);
        session.IsDirty = false;
        _retainedBytes -= session.RetainedBytes;
        session.Release();
        _evicted.Add(session);
    }

    private void Forget()
    {
        foreach (var session in _sessions.Values)
            session.Release();
        _sessions.Clear();
        _dirty.Clear();
        _evicted.Clear();
        (_oldest, _newest, _savedAt, _retainedBytes) = (null, null, 0, 0);
    }
}
