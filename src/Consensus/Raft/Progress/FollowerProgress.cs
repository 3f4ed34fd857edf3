using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// What a leader knows of one follower in its term.
/// Invariant: Match &lt; Next. Match only grows, and only by acknowledgements of this term: what the follower's log is known to hold durably.
/// </summary>
internal sealed class FollowerProgress(ulong node, ulong next, RaftOptions options, long now)
{
    private bool _paused;

    public ulong Node { get; } = node;

    public ProgressState State { get; private set; } = ProgressState.Probe;

    /// <summary>The follower holds the leader's log up to here, durably.</summary>
    public ulong Match { get; private set; }

    /// <summary>The next entry to send.</summary>
    public ulong Next { get; private set; } = next;

    public InflightWindow Inflight { get; } = new(options.MaxInflightMessages, options.MaxInflightBytes);

    /// <summary>When anything of this term last came from it.</summary>
    public long LastContact { get; set; } = now;

    /// <summary>Send time of the newest message that it has answered: its promise counts from there.</summary>
    public long LastEcho { get; private set; } = long.MinValue;

    /// <summary>The newest read round it has confirmed.</summary>
    public ulong ReadRound { get; private set; }

    /// <summary>The commit index it was told last.</summary>
    public ulong CommitSent { get; set; }

    /// <summary>Whether it has fallen silent as asked.</summary>
    public bool Quiesced { get; set; }

    /// <summary>Whether it would lead, as it said last; null before it said anything.</summary>
    public bool? AcceptsLeadership { get; set; }

    /// <summary>When entries were last sent to it.</summary>
    public long LastAppendAt { get; private set; } = long.MinValue;

    /// <summary>Whether an empty append should find out if entries were lost on their way.</summary>
    public bool Suspicious { get; private set; }

    /// <summary>Whether it waits for an answer (or a sign of life) before more is sent.</summary>
    public bool IsPaused => State switch
    {
        ProgressState.Probe => _paused,
        ProgressState.Replicate => Inflight.IsFull,
        _ => true,
    };

    /// <summary>It answered something sent at that time, in that read round.</summary>
    public void Heard(long now, long sentAtEcho, ulong readRound)
    {
        LastContact = now;
        // A time that has not come yet was not sent by this leader; it must not buy a lease.
        if (sentAtEcho <= now)
            LastEcho = Math.Max(LastEcho, sentAtEcho);
        ReadRound = Math.Max(ReadRound, readRound);
    }

    /// <summary>It acknowledged entries up to <paramref name="index"/>; returns whether that is news.</summary>
    public bool Accepted(ulong index, ulong logStart)
    {
        if (index < Match)
            return false;
        var grew = index > Match;
        Match = index;
        Next = Math.Max(Next, index + 1);
        Suspicious &= !grew;
        if (State == ProgressState.Replicate)
            Inflight.FreeUpTo(index);
        else if (State == ProgressState.Probe || index >= logStart)
            BecomeReplicate();
        return grew;
    }

    /// <summary>
    /// It has no entry (<paramref name="rejected"/>, as the leader knows it) and may match at <paramref name="candidate"/>. False if the answer is stale: then nothing changes,
    /// for to act on it would rewind below what is known to match.
    /// </summary>
    public bool Rejected(ulong rejected, ulong candidate)
    {
        var stale = State switch
        {
            ProgressState.Probe => rejected != Next - 1,
            ProgressState.Replicate => rejected <= Match,
            _ => true,
        };
        if (stale)
        {
            Sometimes.Reached(Sometimes.StaleRejection);
            return false;
        }

        if (Suspicious || State == ProgressState.Replicate)
            Sometimes.Reached(Sometimes.AppendLost);
        BecomeProbe();
        Next = Math.Max(Match, Math.Min(candidate, rejected - 1)) + 1;
        return true;
    }

    /// <summary>It lives and has not answered the last append: a probe is taken for lost, a pipeline is questioned.</summary>
    public void Doubt()
    {
        _paused = false;
        Suspicious = State == ProgressState.Replicate;
    }

    /// <summary>Waits for a sign of life before it probes.</summary>
    public void Pause() => _paused = true;

    /// <summary>Entries [Next, last] of so many bytes were sent.</summary>
    public void Sent(ulong last, long bytes, long now)
    {
        Invariant.That(State != ProgressState.Snapshot, $"entries sent to node {Node}, which waits for an image");
        LastAppendAt = now;
        Suspicious = false;
        if (State == ProgressState.Probe)
        {
            _paused = true;
            return;
        }

        if (last < Next)
            return;
        Inflight.Add(last, bytes);
        Next = last + 1;
    }

    public void BecomeProbe()
    {
        State = ProgressState.Probe;
        Next = Match + 1;
        _paused = false;
        Suspicious = false;
        Inflight.Clear();
    }

    public void BecomeSnapshot()
    {
        State = ProgressState.Snapshot;
        Inflight.Clear();
    }

    private void BecomeReplicate()
    {
        State = ProgressState.Replicate;
        Next = Match + 1;
        Suspicious = false;
        Inflight.Clear();
    }
}
