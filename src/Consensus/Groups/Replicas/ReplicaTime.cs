using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// Keeps a replica's <see cref="LogClock"/> by what the replica hears and becomes, and tells the Raft core, which stamps its own entries and its heartbeats with it. Owned by the shard's thread.
/// </summary>
internal sealed class ReplicaTime(RaftNode core, IReplicaContext context)
{
    private readonly LogClock _clock = new(context.Configuration.Raft.DriftPerMille);

    /// <summary>The time of the group's log as this node knows it, milliseconds since the Unix epoch: what the next entry is stamped with, if it leads. 0 if it knows nothing.</summary>
    public long Now => _clock.Time(context.Now);

    /// <inheritdoc cref="LogClock.Origin"/>
    public long Origin => _clock.Origin;

    /// <inheritdoc cref="LogClock.BeganIn"/>
    public ulong BeganIn => _clock.BeganIn;

    /// <summary>A message is about to be stepped. A vote may make this node the leader in that step, which then appends its first entry: the time that the voter has kept is taken before.</summary>
    public void BeforeStep(Message message)
    {
        if (message is not VoteResponse { Granted: true } vote || vote.Term != core.Term || core.Role != RaftRole.Candidate)
            return;
        _clock.TakeFromVoter(vote.LogTimeTerm, vote.LogTime, core.LastTerm, context.Now);
        if (_clock.IsSet)
            Tell();
    }

    /// <summary>A message was stepped: what its leader's clock showed is this follower's time.</summary>
    public void AfterStep(Message message)
    {
        if (message.Term != core.Term || core.Role is not (RaftRole.Follower or RaftRole.Learner))
            return;
        if (message is Heartbeat heartbeat)
            Observe(heartbeat.LogTime);
        // What another leader stamped says nothing of this one's clock, nor does what a leader appends before it knows the time: no command is among that.
        else if (message is AppendEntries { Entries: { Count: > 0 } entries })
            Observe(LastStamp(entries, message.Term));
    }

    /// <summary>Whether this node leads and knows the time of the log. Just after a start it may not: then it waits for the wall clocks, for two election timeouts at most.</summary>
    public bool IsKnownToLeader()
    {
        if (core.Role != RaftRole.Leader)
            return false;
        if (!_clock.Leads || _clock.Term != core.Term)
            _clock.Lead(core.Term, core.LastTimestamp, context.Now);
        if (!_clock.IsSet)
            Follow();
        Tell();
        return _clock.IsSet;
    }

    /// <summary>A leader looks at the wall clocks.</summary>
    public void Follow() => _clock.Follow(context.WallClocks.Reference, context.WallClocks.AllKnown, context.Now, context.Configuration.Raft.ElectionTimeout);

    /// <summary>Should it be elected, the no-op says what time it is, and nobody reads before that is committed: what has expired while no node ran is not seen again.</summary>
    public void ProposeForElection()
    {
        if (core.Role == RaftRole.Candidate && !_clock.IsSet && context.WallClocks.AllKnown)
            core.LogOrigin = context.WallClocks.Reference;
    }

    private void Observe(long time)
    {
        _clock.Observe(core.Term, time, context.Now);
        Tell();
    }

    private void Tell()
    {
        core.LogOrigin = _clock.Origin;
        core.LogTimeTerm = _clock.IsSet ? _clock.Term : 0;
    }

    /// <summary>The time of the last command among entries that a leader of this term stamped; 0 if there is none.</summary>
    private static long LastStamp(IReadOnlyList<LogEntry> entries, ulong term)
    {
        for (var i = entries.Count - 1; i >= 0 && entries[i].Term == term; i--)
        {
            if (entries[i].Kind == EntryKind.Command)
                return entries[i].Timestamp;
        }

        return 0;
    }
}
