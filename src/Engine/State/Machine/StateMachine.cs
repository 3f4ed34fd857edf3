using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;
using RaftKv.Engine.State.Sessions;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.State.Machine;

/// <summary>
/// One group's deterministic state machine: applies log entries to an <see cref="IGroupState"/>, keeps the client sessions, answers queries.
/// Used by the shard's thread only, but for <see cref="TryRead"/>.
/// Invariant: entries are applied once each, in the order of their indices, without a gap.
/// Invariant: state-machine time never decreases; at every index it is the greatest timestamp up to it.
/// Invariant: state, sessions and results depend on nothing but the entries.
/// </summary>
public sealed class StateMachine : IDisposable
{
    private readonly CommandContext _context;
    private readonly SessionTable _sessions = new();
    private readonly UndoLog _undo = new();
    private long _time;
    private int _change;

    /// <summary>Takes over a group's state, recovered or new; loads the client sessions from it.</summary>
    /// <exception cref="InvariantViolationException">The state goes further than the sessions in it: it was checkpointed without <see cref="SaveSessions"/>.</exception>
    public StateMachine(IGroupState state)
    {
        State = state;
        _context = new CommandContext(state);
        Reload();
    }

    /// <summary>The state applied to.</summary>
    public IGroupState State { get; }

    /// <summary>Position after the last applied entry.</summary>
    public AppliedPosition Applied => State.Applied;

    /// <summary>State-machine time: milliseconds since the Unix epoch, by the stamps of entries. From any thread.</summary>
    public long Time => Volatile.Read(ref _time);

    /// <summary>The time at which the leader should propose an <c>ExpireDue</c> command, or <see cref="long.MaxValue"/>.</summary>
    public long EarliestExpiry => State.EarliestExpiry;

    /// <summary>Number of client sessions.</summary>
    public int SessionCount => _sessions.Count;

    /// <summary>
    /// Applies a command entry. State-machine time becomes max(time, timestamp). An unreadable command, or one that would pass a ceiling of <see cref="CommandLimits"/>,
    /// is refused with a result, never an exception.
    /// </summary>
    /// <param name="position">Index and term of the entry; its time is ignored.</param>
    /// <param name="timestamp">The leader's stamp, milliseconds since the Unix epoch.</param>
    /// <param name="command">An encoded command: <see cref="CommandEnvelope"/>.</param>
    /// <param name="result">Cleared, then given the encoded result.</param>
    /// <exception cref="ApplyDefectException">A defect: the entry was not applied.</exception>
    public void Apply(AppliedPosition position, long timestamp, ReadOnlySpan<byte> command, PooledBuffer result)
    {
        Advance(position, timestamp);
        result.Clear();
        _context.Begin(position.Index, _time, mayWrite: true, result);
        try
        {
            Apply(position, command);
        }
        catch (Exception e) when (IsDefect(e))
        {
            throw TakeBack(e);
        }

        State.CompleteEntry(position with { Time = _time });
        _context.Trim();
    }

    /// <summary>Applies a command entry that an operator wants skipped, because it cannot be applied: as one without effect, of which the state remembers that it had none.</summary>
    /// <param name="position">Index and term of the entry; its time is ignored.</param>
    /// <param name="timestamp">The leader's stamp.</param>
    /// <param name="result">Cleared, then given the encoded result.</param>
    public void ApplySkipped(AppliedPosition position, long timestamp, PooledBuffer result)
    {
        result.Clear();
        _context.Begin(position.Index, Math.Max(_time, timestamp), mayWrite: true, result);
        _context.Reply(ResultStatus.Skipped);
        SkipEntryCommand.Remember(State, position.Index);
        ApplyEmpty(position, timestamp);
    }

    /// <summary>Applies an entry that changes no user state (a leader's no-op, a configuration change): time and position advance.</summary>
    public void ApplyEmpty(AppliedPosition position, long timestamp)
    {
        Advance(position, timestamp);
        _sessions.EvictIdle(_time);
        State.CompleteEntry(position with { Time = _time });
    }

    /// <summary>Runs a read-only command, or a batch of them, against the state as it is. Any other command is refused with a result.</summary>
    /// <param name="command">An encoded command; its identity is ignored.</param>
    /// <param name="result">Cleared, then given the encoded result.</param>
    public void Query(ReadOnlySpan<byte> command, PooledBuffer result)
    {
        result.Clear();
        _context.Begin(State.Applied.Index, _time, mayWrite: false, result);
        if (command.Length < CommandEnvelope.Size || command[1] != 0)
            _context.Reply(ResultStatus.Malformed);
        else
            CommandTable.Apply(_context, CommandEnvelope.Kind(command), command[CommandEnvelope.Size..]);
        if (!_context.CheckResult())
            _context.ReplyExceeded();
        _context.Trim();
    }

    /// <summary>
    /// Reads one user key from any thread, beside the applying one: the record as it is between two entries, as of state-machine time then.
    /// False, and nothing is known, when an entry that changes several records was being applied: try again, or ask the shard.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value is appended to it.</param>
    /// <param name="found">Whether there is a record that has not expired.</param>
    /// <param name="header">Its revision and expiry.</param>
    public bool TryRead(ReadOnlySpan<byte> key, PooledBuffer value, out bool found, out RecordHeader header)
    {
        var length = value.Length;
        (found, header) = (false, default);
        var change = Volatile.Read(ref _change);
        if ((change & 1) != 0)
        {
            Sometimes.Reached(Sometimes.LocalReadDisturbed);
            return false;
        }

        // The time is read before the record (an acquiring load: nothing below moves above it), and so is never newer than what it judges:
        //   - a record that was there when the time was read is judged by the time of that moment;
        //   - one that an entry wrote later is newer than that time, and an entry writes no record that its own time would find expired: it is found alive, which it is.
        // The other way round, a key that is made to expire later, or never, in between is judged by a time that only its newest record outlives, and a living key is missed.
        var time = Volatile.Read(ref _time);
        found = key.Length <= CommandLimits.KeyCeiling && State.Read(Keyspace.User, key, value, out header);
        // The record was read before the count is: see BeginChange for the other side.
        Volatile.ReadBarrier();
        var undisturbed = Volatile.Read(ref _change) == change;
        if (found && undisturbed && (header.ExpireAt == 0 || time <= header.ExpireAt))
            return true;
        value.SetLength(length);
        (found, header) = (false, default);
        return undisturbed;
    }

    /// <summary>
    /// Whether <see cref="TryRead"/> of a user key needs no disk: see <see cref="IGroupState.IsInMemory"/>. From any thread.
    /// </summary>
    public bool IsInMemory(ReadOnlySpan<byte> key) => key.Length > CommandLimits.KeyCeiling || State.IsInMemory(Keyspace.User, key);

    /// <summary>Whether a query is a <see cref="GetCommand"/> whose record is not in memory: <see cref="TryGet"/> answers it without holding up the thread that applies.</summary>
    public bool IsGetFromDisk(ReadOnlySpan<byte> command) => TryReadGet(command, out var get) && !IsInMemory(get.Key);

    /// <summary>Answers a <see cref="GetCommand"/> as <see cref="Query"/> would, from any thread. False when an entry that changes several records was being applied: try again.</summary>
    /// <param name="command">An encoded command.</param>
    /// <param name="value">Scratch memory.</param>
    /// <param name="result">Cleared, then given the encoded result.</param>
    public bool TryGet(ReadOnlySpan<byte> command, PooledBuffer value, PooledBuffer result)
    {
        var isGet = TryReadGet(command, out var get);
        Invariant.That(isGet, "only a Get can be answered beside the applying thread");
        value.Clear();
        if (!TryRead(get.Key, value, out var found, out var header))
            return false;
        result.Clear();
        GetCommand.WriteResult(result, found, header, get.HeaderOnly ? default : value.Span);
        return true;
    }

    /// <summary>Writes the client sessions into the state; to be called before a checkpoint begins, a snapshot is opened or a hash computed.</summary>
    public void SaveSessions() => _sessions.Save(State);

    /// <summary>Reloads time and sessions after a snapshot replaced the state.</summary>
    public void Reload()
    {
        _sessions.Load(State);
        Volatile.Write(ref _time, State.Applied.Time);
    }

    /// <summary>Gives pooled memory back. The state is its store's and stays open.</summary>
    public void Dispose()
    {
        _context.Dispose();
        _sessions.Dispose();
        _undo.Dispose();
    }

    private static bool TryReadGet(ReadOnlySpan<byte> command, out GetCommand get)
    {
        get = default;
        return command.Length >= CommandEnvelope.Size && command[1] == 0 && CommandEnvelope.Kind(command) == CommandKind.Get
            && GetCommand.TryRead(command[CommandEnvelope.Size..], out get) && get.Key.Length <= CommandLimits.KeyCeiling;
    }

    /// <summary>
    /// First the user's records, which can be taken back; only then the sessions, which cannot: whatever goes wrong before leaves both as they were.
    /// </summary>
    private void Apply(AppliedPosition position, ReadOnlySpan<byte> command)
    {
        Session? session = null;
        var isNew = false;
        // The second byte is for versions to come: what they mean by it is not known here.
        if (command.Length < CommandEnvelope.Size || command[1] != 0)
            _context.Reply(ResultStatus.Malformed);
        else if (command.Length > CommandLimits.CommandCeiling)
            Exceed(CommandBound.Command);
        else
            isNew = CommandEnvelope.Session(command) == 0 || _sessions.Admit(command, _context, out session);

        var concernsSessions = isNew && ConcernsSessions(command);
        if (isNew && CommandEnvelope.Kind(command) == CommandKind.SkipEntry)
            SkipEntryCommand.Apply(_context, command[CommandEnvelope.Size..]);
        else if (isNew && !concernsSessions)
            Run(CommandEnvelope.Kind(command), command[CommandEnvelope.Size..]);
        _context.BeginFinal();
        _sessions.EvictIdle(_time);
        if (session is not null)
            _sessions.Use(session, command, position.Index, _time);
        if (concernsSessions)
            RunOnSessions(CommandEnvelope.Kind(command), command[CommandEnvelope.Size..]);
        if (session is not null && isNew)
            _sessions.Record(session, CommandEnvelope.Sequence(command), position.Index, _context.Result.Span);
    }

    private static bool ConcernsSessions(ReadOnlySpan<byte> command)
    {
        var body = command[CommandEnvelope.Size..];
        return CommandEnvelope.Kind(command) switch
        {
            CommandKind.OpenSession => body.IsEmpty && CommandEnvelope.Session(command) == 0,
            // A request that settles itself would have two outcomes.
            CommandKind.ResolveOutcome => ResolveOutcomeCommand.TryRead(body, out var session, out var sequence)
                && (session != CommandEnvelope.Session(command) || sequence != CommandEnvelope.Sequence(command)),
            _ => false,
        };
    }

    private void RunOnSessions(CommandKind kind, ReadOnlySpan<byte> body)
    {
        if (kind == CommandKind.OpenSession)
            OpenSessionCommand.Apply(_context, _sessions);
        else if (ResolveOutcomeCommand.TryRead(body, out var session, out var sequence))
            ResolveOutcomeCommand.Apply(_context, _sessions, session, sequence);
    }

    private void Run(CommandKind kind, ReadOnlySpan<byte> body)
    {
        var changesSeveral = kind.ChangesSeveral();
        if (changesSeveral)
        {
            BeginChange();
            _context.BeginUndo(_undo);
        }

        CommandTable.Apply(_context, kind, body);
        if (!_context.CheckResult())
        {
            // A command that changes one record reads, writes and returns no more than any ceiling allows.
            Invariant.That(!_context.HasChanged, $"group {State.Group}: a {kind} passed the ceiling on its {_context.Exceeded} after it had changed something");
            if (changesSeveral)
                _context.RollBack();
            _context.ReplyExceeded();
            Sometimes.Reached(Sometimes.LimitExceeded);
        }

        if (changesSeveral)
        {
            _context.EndUndo();
            EndChange();
        }
    }

    private void Exceed(CommandBound bound)
    {
        _context.Exceed(bound);
        _context.ReplyExceeded();
    }

    /// <summary>
    /// Whether an exception says something of the code, and not of this node's disk or memory: it would be thrown on every replica, and again after every restart.
    /// </summary>
    public static bool IsDefect(Exception e) =>
        e is InvariantViolationException || (e is SystemException and not (OutOfMemoryException or IOException or UnauthorizedAccessException));

    private ApplyDefectException TakeBack(Exception defect)
    {
        var isTakenBack = !_context.HasChanged;
        try
        {
            if (_context.HasUndo)
                _context.RollBack();
        }
#pragma warning disable CA1031 // what cannot be taken back is not served any more, whatever the reason
        catch (Exception e) when (IsDefect(e))
#pragma warning restore CA1031
        {
            isTakenBack = false;
        }

        if ((_change & 1) != 0)
            EndChange();
        return new ApplyDefectException(defect.Message, defect, isTakenBack);
    }

    private void Advance(AppliedPosition position, long timestamp)
    {
        var applied = State.Applied;
        Invariant.That(position.Index == applied.Index + 1, $"group {State.Group}: entry {position.Index} is applied after {applied.Index}");
        Invariant.That(position.Term >= applied.Term, $"group {State.Group}: entry {position.Index} of term {position.Term} is applied after one of term {applied.Term}");
        if (timestamp > _time)
        {
            Volatile.Write(ref _time, timestamp);
            // A reader that sees what this entry writes must also see its time, or it could find a key alive that the entry found expired.
            Volatile.WriteBarrier();
        }
    }

    // Odd while several records change: a reader that began or ended in between gives up, so that none sees an entry half done, or a batch that is taken back.
    private void BeginChange()
    {
        Volatile.Write(ref _change, _change + 1);
        Volatile.WriteBarrier();
    }

    private void EndChange() => Volatile.Write(ref _change, _change + 1);
}
