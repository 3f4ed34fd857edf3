using RaftKv.Consensus.Raft;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Commands.Keys;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// Turns the passing of time into events of the log: when keys are due by the time of the log (<see cref="LogClock"/>), it proposes their removal. A key is gone when that entry is applied, never before,
/// so that a later leader with a slower clock cannot bring it back.
/// </summary>
internal sealed class ExpiryProposer(Replica replica) : IProposer
{
    /// <summary>Keys removed by one entry: bounded work, the next entry continues.</summary>
    private const uint KeysPerEntry = 1000;

    private const long RetryAfter = 5_000_000;

    private readonly byte[] _command = Encode();
    private bool _underWay;
    private long _notBefore;

    /// <summary>Monotonic time at which the next key is due, <see cref="long.MaxValue"/> if none is or this node does not lead.</summary>
    public long NextDeadline(long now)
    {
        if (_underWay || replica.Core.Role != RaftRole.Leader)
            return long.MaxValue;
        var earliest = replica.Machine.EarliestExpiry;
        if (earliest == long.MaxValue)
            return long.MaxValue;
        var milliseconds = Math.Clamp(earliest - replica.Time.Now, -1, 3_600_000) + 1;
        return Math.Max(now + (milliseconds * 1_000_000), _notBefore);
    }

    public void ProposeIfDue(long now)
    {
        if (NextDeadline(now) > now)
            return;
        _underWay = replica.TryPropose(_command, this, default);
        if (!_underWay)
            _notBefore = now + RetryAfter;
    }

    void IProposer.OnApplied(in ProposalTag tag, ReadOnlySpan<byte> result) => _underWay = false;

    void IProposer.OnLost(in ProposalTag tag)
    {
        Sometimes.Reached(Sometimes.ExpiryLost);
        _underWay = false;
    }

    private static byte[] Encode()
    {
        using var command = new PooledBuffer();
        ExpireDueCommand.Encode(command, KeysPerEntry);
        return command.Span.ToArray();
    }
}
