using RaftKv.Consensus.Raft;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Encoding;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// A replica met an entry that it cannot apply because of a defect. It goes no further: its state stands before the entry, reads and writes of the group are refused on this node with the reason,
/// and everything else goes on: other groups, this group's log, votes and leadership. The way out is an operator's <see cref="SkipEntryCommand"/> among the committed entries behind it, which is
/// looked for here, or a snapshot of a replica that came further.
/// </summary>
/// <remarks>
/// Invariant: a replica that halts before the skip was committed, or replays the entry after it was, comes to the same state: the entry has no effect but its time, and the record that it was skipped.
/// Invariant: a state that could not be taken back (<see cref="IsTainted"/>) goes into no checkpoint and no snapshot.
/// </remarks>
internal sealed class ApplyHalt(uint group, LogEntry entry, Exception defect)
{
    private const long LookBytes = 1 << 20;

    private readonly List<LogEntry> _read = [];
    private readonly HashSet<ulong> _offered = [];
    private ulong _lookedUpTo = entry.Index;
    private bool _sawAll;

    /// <summary>The entry that cannot be applied.</summary>
    public ulong Index => entry.Index;

    /// <summary>Its term.</summary>
    public ulong Term => entry.Term;

    /// <summary>What it is.</summary>
    public string Kind { get; } =
        entry.Kind != EntryKind.Command ? entry.Kind.ToString() : entry.Payload.IsEmpty ? "empty" : CommandEnvelope.Kind(entry.Payload.Span).ToString();

    /// <summary>Whether the state holds a part of the entry: only a restart brings it back.</summary>
    public bool IsTainted { get; } = defect is not ApplyDefectException { IsTakenBack: true };

    /// <summary>Whether the other replicas went on by skipping an entry that this one had applied.</summary>
    public bool HasDiverged { get; } = defect is ApplyDefectException { InnerException: SkippedEntryWasAppliedException };

    /// <summary>Whether skipping the entry is a way out here. A change of configuration must be applied by all, and a skip by those who did not apply what it skips.</summary>
    public bool CanBeSkipped => entry.Kind == EntryKind.Command && !HasDiverged;

    /// <summary>Why the group's requests are refused on this node.</summary>
    public string Reason { get; } = defect is ApplyDefectException { InnerException: SkippedEntryWasAppliedException diverged }
        ? diverged.Message
        : $"group {group} halted on this node at entry {entry.Index}, which a defect keeps from being applied ({defect.Message})";

    /// <summary>Looks at the committed entries that it has not seen yet for a skip of this one, a bounded number in each call.</summary>
    public bool FindsSkip(RaftNode core)
    {
        _read.Clear();
        core.ReadCommitted(_lookedUpTo + 1, LookBytes, _read);
        _sawAll = _read.Count == 0;
        foreach (var later in _read)
        {
            _lookedUpTo = later.Index;
            if (later.Kind == EntryKind.Command && SkipEntryCommand.TryReadCommand(later.Payload.Span, out var skipped) && skipped == Index && CanBeSkipped)
                return true;
        }

        _read.Clear();
        return false;
    }

    /// <summary>Whether <see cref="FindsSkip"/> should be called again although nothing came in.</summary>
    public bool HasMoreToLookAt(RaftNode core) => !_sawAll && _lookedUpTo < core.CommitIndex;

    /// <summary>
    /// Offers leadership to each of the others once: a defect that only this node met must not stop the group. Where all have halted it comes to rest with one of them.
    /// </summary>
    public bool OfferLeadership(RaftNode core, Func<ulong, bool> isConnected, long now)
    {
        if (core.Role != RaftRole.Leader || core.IsTransferring)
            return false;
        foreach (var voter in core.Configuration.Voters)
        {
            if (voter != core.Self && isConnected(voter) && core.MatchOf(voter) >= Index && _offered.Add(voter))
                return core.TransferLeadership(voter, now);
        }

        return false;
    }

    /// <summary>A peer came back, perhaps with another version or another state: it is offered leadership again.</summary>
    public void OnPeerConnected(ulong peer) => _offered.Remove(peer);
}
