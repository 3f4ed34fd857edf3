using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// What all roles share: term and vote, log, configuration, what is known of the others, and the changes of role.
/// Invariant: Term never goes back; within a term, Vote changes at most once, from nobody to somebody, and survives every change of role.
/// Invariant: at most one of the roles acts: Leadership is set exactly while Role is Leader.
/// </summary>
internal sealed class RaftCore
{
    private readonly HashSet<ulong> _disconnected = [];

    public RaftCore(RaftOptions options, RaftInitialState initial, ILogStorage storage, ulong seed, long now)
    {
        Invariant.That(options.Self != 0, "node 0 means nobody");
        Options = options;
        Now = now;
        Term = initial.Term;
        Vote = initial.Vote;
        Log = new RaftLog(initial, storage, options.MaxCachedBytes);
        Configurations = new ConfigurationHistory(initial.AppliedIndex, initial.Configuration);
        foreach (var entry in initial.LaterConfigurations)
            Configurations.Add(entry.Index, ConfigurationCodec.Read(entry));
        Random = new DeterministicRandom(seed);
        Timer = new ElectionTimer(options, Random);
        Promise = new VoterPromise(options.LeaderLeaseDuration);
        // A replica that has seen a term may have promised its vote just before it stopped.
        if (initial.Term > 0)
        {
            Sometimes.Reached(Sometimes.PromiseKeptOverRestart);
            Promise.Renew(now);
        }
        Follower = new Follower(this);
        Election = new Election(this);
        Voter = new Voter(this);
        Timer.Arm(now);
    }

    public RaftOptions Options { get; }

    public RaftLog Log { get; }

    public ConfigurationHistory Configurations { get; }

    public Outbox Out { get; } = new();

    public DeterministicRandom Random { get; }

    public ElectionTimer Timer { get; }

    public VoterPromise Promise { get; }

    public Follower Follower { get; }

    public Election Election { get; }

    public Voter Voter { get; }

    /// <summary>The leader's part, while this node leads.</summary>
    public Leader? Leadership { get; private set; }

    public ulong Self => Options.Self;

    /// <summary>Time of the latest input.</summary>
    public long Now { get; private set; }

    /// <summary>See <see cref="RaftNode.LogOrigin"/>.</summary>
    public long LogOrigin { get; set; } = long.MinValue;

    /// <summary>See <see cref="RaftNode.LogTimeTerm"/>.</summary>
    public ulong LogTimeTerm { get; set; }

    /// <summary>Time of the log, milliseconds since the Unix epoch; 0 if it is not known.</summary>
    public long LogTime => LogOrigin == long.MinValue ? 0 : Math.Max(0, ((Now / 1000) + LogOrigin) / 1000);

    public ulong Term { get; private set; }

    public ulong Vote { get; private set; }

    /// <summary>The leader of Term, 0 if unknown.</summary>
    public ulong LeaderId { get; private set; }

    /// <summary>The role, voters only: <see cref="VisibleRole"/> tells learners apart.</summary>
    public RaftRole Role { get; private set; } = RaftRole.Follower;

    /// <summary>Whether this node may lead at the moment, as its owner knows.</summary>
    public bool AcceptsLeadership { get; set; } = true;

    /// <summary>Whether this node is about to stop: it stands for no election.</summary>
    public bool IsStopping { get; set; }

    public Configuration Configuration => Configurations.Current;

    public RaftRole VisibleRole => Role == RaftRole.Follower && !Configuration.IsVoter(Self) ? RaftRole.Learner : Role;

    /// <summary>
    /// Whether this node may stand for election. One that its newest configuration removes still may until that is committed: it can be the only one whose log is complete
    /// enough to win, and it then leads without counting itself (thesis 4.2.2).
    /// </summary>
    public bool CanCampaign => Configurations.AnyHasVoter(Self) && !Follower.IsInstallingSnapshot && !IsStopping;

    public void AdvanceTime(long now)
    {
        Invariant.That(now >= Now, $"time goes back from {Now} to {now}");
        Now = now;
    }

    public bool IsConnected(ulong peer) => !_disconnected.Contains(peer);

    public void SetConnected(ulong peer, bool connected)
    {
        if (connected)
            _disconnected.Remove(peer);
        else
            _disconnected.Add(peer);
    }

    /// <summary>Sends once this node's term is durable: at once in the usual case that it did not just change.</summary>
    public void SendInTerm(Message message)
    {
        if (Log.Disk.Term == Term)
            Out.Send(message);
        else
            Out.SendAfterDurable(message);
    }

    /// <summary>Follows in a term, the current or a later one.</summary>
    /// <param name="term">Not below the current term.</param>
    /// <param name="leader">Its leader, 0 if unknown.</param>
    public void BecomeFollower(ulong term, ulong leader)
    {
        Invariant.That(term >= Term, $"term would go back from {Term} to {term}");
        if (Leadership is { } leadership)
        {
            // Readers on other threads may still look at the lease that was published: nobody gets our vote before it has run out.
            Promise.ExtendTo(leadership.LeaseUntil);
            if (Log.LastIndex > Log.Committed)
                Sometimes.Reached(Sometimes.LeaderDeposedWithUncommitted);
            Leadership = null;
            leadership.Resign();
        }

        if (term > Term)
        {
            Term = term;
            Vote = 0;
            LeaderId = 0;
            Out.LeadershipChanged();
        }

        SetLeader(leader);
        if (Role != RaftRole.Follower)
        {
            SetRole(RaftRole.Follower);
            Timer.Arm(Now);
        }
    }

    public void BecomePreCandidate()
    {
        Invariant.That(Role != RaftRole.Leader, "a leader does not campaign");
        SetLeader(0);
        SetRole(RaftRole.PreCandidate);
    }

    /// <summary>Enters a new term with a vote for itself.</summary>
    public void BecomeCandidate()
    {
        Invariant.That(Role != RaftRole.Leader && CanCampaign, $"node {Self} cannot campaign as {Role} in {Configuration}");
        Term++;
        Vote = Self;
        SetLeader(0);
        SetRole(RaftRole.Candidate);
        Out.LeadershipChanged();
    }

    public void BecomeLeader()
    {
        Invariant.That(Role == RaftRole.Candidate && Log.Disk.Term == Term && Log.Disk.Vote == Self,
            $"node {Self} would lead term {Term} as {Role} with term {Log.Disk.Term} and vote {Log.Disk.Vote} on disk");
        SetLeader(Self);
        SetRole(RaftRole.Leader);
        Timer.LeaderFound();
        Leadership = new Leader(this);
        Leadership.Begin();
    }

    /// <summary>Votes in the current term.</summary>
    public void VoteFor(ulong candidate)
    {
        Invariant.That(Vote == 0 || Vote == candidate, $"second vote in term {Term}: {candidate} after {Vote}");
        Vote = candidate;
    }

    public void SetLeader(ulong leader)
    {
        Invariant.That(LeaderId == 0 || leader == 0 || leader == LeaderId, $"two leaders in term {Term}: {LeaderId} and {leader}");
        if (LeaderId == leader)
            return;
        LeaderId = leader;
        Out.LeadershipChanged();
    }

    /// <summary>Appends an entry of this node's own making.</summary>
    public ulong Append(EntryKind kind, long timestamp, ReadOnlySpan<byte> payload) =>
        Log.Append(Term, kind, Math.Max(timestamp, Log.LastTimestamp), payload);

    /// <summary>Appends a configuration, which governs from now on.</summary>
    public ulong AppendConfiguration(Configuration configuration, long timestamp)
    {
        using var payload = new PooledBuffer();
        ConfigurationCodec.Write(payload, configuration);
        var index = Append(EntryKind.Configuration, timestamp, payload.Span);
        Configurations.Add(index, configuration);
        return index;
    }

    /// <summary>Marks entries as committed, never beyond the log's end.</summary>
    public void CommitTo(ulong index)
    {
        if (index <= Log.Committed)
            return;
        Log.CommitTo(index);
        Configurations.Settle(index);
    }

    private void SetRole(RaftRole role)
    {
        if (Role != role)
            Out.LeadershipChanged();
        Role = role;
    }
}
