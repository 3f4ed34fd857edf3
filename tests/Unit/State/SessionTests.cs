using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.State.Sessions;
using RaftKv.Engine.Store;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Unit.State;

public sealed class SessionTests : IDisposable
{
    private readonly CommandDriver _driver = new();

    public void Dispose() => _driver.Dispose();

    [Fact]
    public void A_retried_command_is_answered_as_the_first_time_and_not_applied_again()
    {
        var session = _driver.OpenSession();
        Assert.Equal(1UL, session);
        var first = Increment(session, 1);
        var retry = Increment(session, 1);
        Assert.Equal(first, retry);
        Assert.Equal(2, new CommandResult(Increment(session, 2)).Number);
        Assert.Equal(first, Increment(session, 1));
    }

    [Fact]
    public void Commands_that_overtake_each_other_are_each_applied_once()
    {
        var session = _driver.OpenSession();
        foreach (var sequence in new ulong[] { 5, 2, 5, 900, 1, 2, 899, 900, 3 })
            Increment(session, sequence);
        Assert.Equal("6", Counter());
    }

    [Fact]
    public void Every_kind_of_result_is_repeated_byte_for_byte()
    {
        var session = _driver.OpenSession();
        Action<PooledBuffer>[] commands =
        [
            into => PutCommand.Encode(into, "k"u8, "a long enough value"u8, returnOld: true), into => PutCommand.Encode(into, "k"u8, "2"u8, returnOld: true),
            into => IncrementFloatCommand.Encode(into, "f"u8, "0.5"u8), into => GetCommand.Encode(into, "k"u8), into => CompareAndSetCommand.Encode(into, "k"u8, Expectation.Absent, "x"u8),
            into => RenameCommand.Encode(into, "no"u8, "k"u8), into => GetDeleteCommand.Encode(into, "k"u8), into => _ = new BatchBuilder(into), into => into.Write(new byte[26]),
        ];
        var results = commands.Select((encode, i) => _driver.Apply(encode, session, (ulong)i + 1)).ToList();
        _driver.Restart();
        for (var i = 0; i < commands.Length; i++)
            Assert.Equal(results[i], _driver.Apply(commands[i], session, (ulong)i + 1));
    }

    [Fact]
    public void An_unknown_session_is_refused_and_its_command_not_applied()
    {
        Assert.Equal(ResultStatus.UnknownSession, new CommandResult(Increment(77, 1)).Status);
        Assert.Null(Counter());
    }

    [Fact]
    public void Sequence_0_is_malformed_and_an_identity_on_open_session_too()
    {
        var session = _driver.OpenSession();
        Assert.Equal(ResultStatus.Malformed, new CommandResult(Increment(session, 0)).Status);
        Assert.Equal(ResultStatus.Malformed, new CommandResult(_driver.Apply(OpenSessionCommand.Encode, session, 1)).Status);
    }

    [Fact]
    public void What_fell_out_of_the_window_is_forgotten_and_never_applied_again()
    {
        var session = _driver.OpenSession();
        Increment(session, 1);
        Increment(session, 2);
        Increment(session, SessionLimits.Window + 1);
        Assert.Equal(ResultStatus.Forgotten, new CommandResult(Increment(session, 1)).Status);
        Assert.Equal(2, new CommandResult(Increment(session, 2)).Number);
        // Sequence 3 is still in the window and was never seen.
        Assert.Equal(4, new CommandResult(Increment(session, 3)).Number);
        Assert.Equal("4", Counter());
        Assert.Equal(ResultStatus.Ok, new CommandResult(Increment(session, ulong.MaxValue)).Status);
        Assert.Equal(ResultStatus.Forgotten, new CommandResult(Increment(session, SessionLimits.Window + 1)).Status);
        var hash = _driver.Hash();
        _driver.Restart();
        Assert.Equal(hash, _driver.Hash());
    }

    [Fact]
    public void An_acknowledged_result_is_dropped_while_its_outcome_stays_known()
    {
        var session = _driver.OpenSession();
        _driver.Apply(into => PutCommand.Encode(into, "k"u8, "1"u8, returnOld: true), session, 1);
        _driver.Apply(into => PutCommand.Encode(into, "k"u8, "2"u8, returnOld: true), session, 2);
        Increment(session, 3, acknowledgedBelow: 3);
        Assert.Equal(ResultStatus.Forgotten, new CommandResult(_driver.Apply(into => PutCommand.Encode(into, "k"u8, "2"u8, returnOld: true), session, 2)).Status);
        var outcome = new CommandResult(Resolve(session, 2));
        Assert.Equal((RequestOutcome.Applied, ResultStatus.Ok, 3UL), (outcome.Outcome, outcome.OutcomeStatus, outcome.OutcomeRevision));
    }

    [Fact]
    public void Nobody_can_acknowledge_what_it_has_not_asked_for()
    {
        var session = _driver.OpenSession();
        var first = _driver.Apply(into => IncrementFloatCommand.Encode(into, "f"u8, "1.5"u8), session, 1, ulong.MaxValue);
        Assert.Equal(first, _driver.Apply(into => IncrementFloatCommand.Encode(into, "f"u8, "1.5"u8), session, 1, ulong.MaxValue));
    }

    [Fact]
    public void Retained_results_are_bounded_and_the_oldest_dropped_first()
    {
        var session = _driver.OpenSession();
        var value = new byte[SessionLimits.MaxRetainedBytes / 4];
        for (var sequence = 1UL; sequence <= 6; sequence++)
            _driver.Apply(into => PutCommand.Encode(into, "k"u8, value, returnOld: true), session, sequence);
        Assert.Equal(ResultStatus.Forgotten, new CommandResult(_driver.Apply(into => PutCommand.Encode(into, "k"u8, "x"u8), session, 2)).Status);
        Assert.Equal(value.Length, new CommandResult(_driver.Apply(into => PutCommand.Encode(into, "k"u8, "x"u8), session, 6)).OldValue.Length);
    }

    [Fact]
    public void Resolving_tells_what_was_applied_and_cancels_what_was_not()
    {
        var session = _driver.OpenSession();
        Increment(session, 1);
        var applied = new CommandResult(Resolve(session, 1));
        Assert.Equal((RequestOutcome.Applied, 2UL), (applied.Outcome, applied.OutcomeRevision));
        Assert.Equal(RequestOutcome.NeverApplied, new CommandResult(Resolve(session, 2)).Outcome);
        // The request arrives after all, late.
        Assert.Equal(ResultStatus.Cancelled, new CommandResult(Increment(session, 2)).Status);
        Assert.Equal("1", Counter());
        _driver.Restart();
        Assert.Equal(ResultStatus.Cancelled, new CommandResult(Increment(session, 2)).Status);
        Assert.Equal(RequestOutcome.NeverApplied, new CommandResult(Resolve(session, 2)).Outcome);
        Assert.Equal(ResultStatus.UnknownSession, new CommandResult(Resolve(99, 1)).Status);
        Assert.Equal(ResultStatus.Malformed, new CommandResult(Resolve(session, 1_000_000)).Status);
        Increment(session, SessionLimits.Window + 5);
        Assert.Equal(ResultStatus.Forgotten, new CommandResult(Resolve(session, 1)).Status);
    }

    [Fact]
    public void Settling_with_an_identity_of_the_same_session_harms_nothing()
    {
        var session = _driver.OpenSession();
        Assert.Equal(ResultStatus.Malformed, new CommandResult(_driver.Apply(into => ResolveOutcomeCommand.Encode(into, session, 1), session, 1)).Status);
        Increment(session, 60_000);
        // It moves the window past its own sequence number.
        Assert.Equal(ResultStatus.Ok, new CommandResult(_driver.Apply(into => ResolveOutcomeCommand.Encode(into, session, 90_000), session, 5)).Status);
        Assert.Equal(ResultStatus.Forgotten, new CommandResult(Increment(session, 5)).Status);
    }

    [Fact]
    public void Idle_sessions_are_evicted_by_state_machine_time_and_their_late_requests_refused()
    {
        var (idle, busy) = (_driver.OpenSession(), _driver.OpenSession());
        Increment(idle, 1);
        _driver.Hash();
        _driver.Time += SessionLimits.IdleTime - 1;
        Increment(busy, 1);
        Assert.Equal(2, _driver.Machine.SessionCount);
        _driver.Time += 1;
        Assert.Equal(ResultStatus.UnknownSession, new CommandResult(Increment(idle, 1)).Status);
        Assert.Equal(1, _driver.Machine.SessionCount);
        Assert.Equal("2", Counter());
        _driver.Machine.SaveSessions();
        // The table's own record, and head and page of the session that is left.
        Assert.Equal(3, _driver.State.Count(Keyspace.System));
        _driver.Restart();
        Assert.Equal(2, new CommandResult(Increment(busy, 1)).Number);
    }

    [Fact]
    public void Too_many_sessions_evict_the_longest_idle()
    {
        var first = _driver.OpenSession();
        var second = _driver.OpenSession();
        Increment(first, 1);
        for (var i = 2; i < SessionLimits.MaxSessions; i++)
            _driver.OpenSession();
        Assert.Equal(SessionLimits.MaxSessions, _driver.Machine.SessionCount);
        _driver.OpenSession();
        Assert.Equal(SessionLimits.MaxSessions, _driver.Machine.SessionCount);
        Assert.Equal(ResultStatus.UnknownSession, new CommandResult(Increment(second, 1)).Status);
        Assert.Equal(1, new CommandResult(Increment(first, 1)).Number);
    }

    [Fact]
    public void Saving_again_writes_only_what_changed()
    {
        var sessions = Enumerable.Range(0, 10).Select(_ => _driver.OpenSession()).ToArray();
        foreach (var session in sessions)
        {
            for (var sequence = 1UL; sequence <= 1_000; sequence++)
                Increment(session, sequence);
        }
        _driver.Machine.SaveSessions();
        var before = SystemRecords();
        Increment(sessions[3], 1_001);
        _driver.Machine.SaveSessions();
        var changed = SystemRecords().Except(before).Count();
        // The table's record, the session's head, one page of outcomes.
        Assert.Equal(3, changed);
        Assert.Equal(1 + (10 * (1 + 4)), before.Count);
    }

    [Fact]
    public void A_state_whose_sessions_were_not_saved_is_refused()
    {
        _driver.OpenSession();
        _driver.Machine.SaveSessions();
        Increment(1, 1);
        Assert.Throws<InvariantViolationException>(() => new StateMachine(_driver.State));
    }

    private List<string> SystemRecords()
    {
        var records = new List<string>();
        var (from, key) = (new PooledBuffer(), new PooledBuffer());
        using var value = new PooledBuffer();
        for (var exclusive = false; _driver.State.TryGetNextKey(Keyspace.System, from.Span, exclusive, key); exclusive = true)
        {
            value.Clear();
            _driver.State.Read(Keyspace.System, key.Span, value, out _);
            records.Add(Convert.ToHexString(key.Span) + ":" + Convert.ToHexString(value.Span));
            (from, key) = (key, from);
        }
        from.Dispose();
        key.Dispose();
        return records;
    }

    private byte[] Increment(ulong session, ulong sequence, ulong acknowledgedBelow = 0) =>
        _driver.Apply(into => IncrementCommand.Encode(into, "n"u8, 1), session, sequence, acknowledgedBelow);

    private byte[] Resolve(ulong session, ulong sequence) => _driver.Apply(into => ResolveOutcomeCommand.Encode(into, session, sequence));

    private string? Counter()
    {
        var result = new CommandResult(_driver.Query(into => GetCommand.Encode(into, "n"u8)));
        return result.Status == ResultStatus.NotFound ? null : System.Text.Encoding.UTF8.GetString(result.Value);
    }
}
