using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// Answers requests for votes, in every role.
/// Invariant: no vote and no pre-vote while a promise to a leader holds, except for a transfer, which the leader itself asked for after giving its lease up.
/// Invariant: no vote for a candidate whose log is less complete (Raft paper 5.4.1); one vote a term.
/// Invariant: the answer leaves after the vote is durable.
/// </summary>
internal sealed class Voter(RaftCore core)
{
    /// <summary>Whether a request for a vote is ignored altogether, its term included, because a leader counts on this node.</summary>
    public bool Ignores(VoteRequest request)
    {
        if (request.LeadershipTransfer || (core.Role != RaftRole.Leader && !core.Promise.Holds(core.Now)))
            return false;
        Sometimes.Reached(Sometimes.VoteIgnoredForPromise);
        return true;
    }

    /// <summary>A request of this node's own term (the term gate saw to that).</summary>
    public void OnVoteRequest(VoteRequest request)
    {
        var free = core.Vote == request.From || (core.Vote == 0 && core.LeaderId == 0);
        var granted = free && core.Log.IsUpToDate(request.LastIndex, request.LastTerm);
        if (free && !granted)
            Sometimes.Reached(Sometimes.VoteRefusedForOldLog);
        if (granted)
        {
            // A pre-candidate that votes for another gives its own plans up.
            core.BecomeFollower(core.Term, 0);
            core.VoteFor(request.From);
            core.Timer.VoteUnderWay(core.Now);
        }

        // A time that the wall clocks gave, in case that it was elected itself, is nobody's.
        var keepsTime = core.LogTimeTerm != 0;
        var answer = new VoteResponse { From = core.Self, To = request.From, Term = core.Term, Granted = granted, LogTime = keepsTime ? core.LogTime : 0, LogTimeTerm = core.LogTimeTerm };
        core.Out.SendAfterDurable(answer);
    }

    /// <summary>A request of any term: a pre-vote changes nothing here.</summary>
    public void OnPreVoteRequest(PreVoteRequest request)
    {
        var free = request.Term > core.Term
            || (request.Term == core.Term && (core.Vote == request.From || (core.Vote == 0 && core.LeaderId == 0)));
        var granted = free && !HasLeader() && core.Log.IsUpToDate(request.LastIndex, request.LastTerm);
        if (free && HasLeader())
            Sometimes.Reached(Sometimes.PreVoteRefusedForLiveLeader);
        // A refusal carries this node's own term: a candidate that fell behind catches up by it instead of asking in vain for ever.
        core.Out.Send(new PreVoteResponse { From = core.Self, To = request.From, Term = granted ? request.Term : core.Term, Granted = granted });
        if (granted && core.Role == RaftRole.PreCandidate && request.Term == core.Term + 1 && IsFirst(request))
        {
            Sometimes.Reached(Sometimes.PreCandidateGaveWay);
            core.BecomeFollower(core.Term, 0);
            core.Timer.VoteUnderWay(core.Now);
        }
    }

    /// <summary>
    /// Whether of two that would stand at once it is the other that should: where all who are left are needed for a quorum, two candidates at once split the vote, again and again.
    /// A rule of courtesy; no safety rests on it.
    /// </summary>
    private bool IsFirst(PreVoteRequest other) =>
        (other.LastTerm, other.LastIndex) != (core.Log.LastTerm, core.Log.LastIndex) || other.From < core.Self;

    // Connected to its leader, a voter trusts it for a whole election timeout; once the connection broke, only for as long as it promised.
    private bool HasLeader() =>
        core.Role == RaftRole.Leader
        || core.Promise.Holds(core.Now)
        || (core.LeaderId != 0 && core.IsConnected(core.LeaderId) && core.Now < core.Follower.HeardAt + core.Options.ElectionTimeout);
}
