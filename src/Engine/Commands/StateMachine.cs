using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.Commands;

/// <summary>
/// One group's deterministic state machine: applies log entries to an <see cref="IGroupState"/>, keeps the client sessions, answers queries.
/// Used by the shard's thread only.
/// </summary>
public sealed class StateMachine
{
    /// <summary>Takes over a group's state, recovered or new; loads the client sessions from it.</summary>
    public StateMachine(IGroupState state) => State = state;

    /// <summary>The state applied to.</summary>
    public IGroupState State { get; private set; }

    /// <summary>Position after the last applied entry.</summary>
    public AppliedPosition Applied => State.Applied;

    /// <summary>
    /// Applies a command entry. State-machine time becomes max(time, timestamp). An unreadable command is refused with a result, never an exception.
    /// </summary>
    /// <param name="position">Index and term of the entry; its time is ignored.</param>
    /// <param name="timestamp">The leader's stamp, milliseconds since the Unix epoch.</param>
    /// <param name="command">An encoded command: <see cref="CommandEnvelope"/>.</param>
    /// <param name="result">Cleared, then given the encoded result.</param>
    public void Apply(AppliedPosition position, long timestamp, ReadOnlySpan<byte> command, PooledBuffer result) => throw new NotImplementedException();

    /// <summary>Applies an entry that changes no user state (a leader's no-op, a configuration change): time and position advance.</summary>
    public void ApplyEmpty(AppliedPosition position, long timestamp) => throw new NotImplementedException();

    /// <summary>Runs a read-only command against the state as it is. Any other command is refused with a result.</summary>
    public void Query(ReadOnlySpan<byte> command, PooledBuffer result) => throw new NotImplementedException();

    /// <summary>Writes the client sessions into the state; to be called before a checkpoint begins or a snapshot is opened.</summary>
    public void SaveSessions() => throw new NotImplementedException();

    /// <summary>Reloads the sessions after a snapshot replaced the state.</summary>
    public void Reload() => throw new NotImplementedException();

    /// <summary>The time at which the leader should propose an <c>ExpireDue</c> command, or <see cref="long.MaxValue"/>.</summary>
    public long EarliestExpiry => State.EarliestExpiry;
}
