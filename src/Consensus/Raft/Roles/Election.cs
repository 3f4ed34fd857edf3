using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// Standing for election: a pre-vote that disturbs nobody (thesis 9.6), then the vote.
/// Invariant: requests for votes leave after term, own vote and the log they name are durable. Were they sent earlier, a candidate that crashed could come back to the same
/// term with a shorter log and count votes that were given to the longer one.
/// Invariant: nobody leads a term before its own vote in it is durable, so that it cannot lead the same term twice.
/// </summary>
internal sealed class Election
{
    private readonly RaftCore _core;
    private readonly Dictionary<ulong, bool> _votes = [];
    private readonly Func<ulong, bool?> _voteOf;

    public Election(RaftCore core)
    {
        _core = core;
        _voteOf = node => _votes.TryGetValue(node, out var granted) ? granted : null;
    }

    /// <summary>The timer ran out, or someone asked for an election.</summary>
    public void Campaign()
    {
        if (_core.Role == RaftRole.Leader || !_core.CanCampaign)
        {
            _core.Timer.PreVoteSent(_core.Now);
            return;
        }

        // Standing for election is voting for oneself: a promise forbids that too.
        if (_core.Promise.Holds(_core.Now))
        {
            _core.Timer.Postpone(_core.Promise.Until);
            return;
        }

        _core.BecomePreCandidate();
        _core.Timer.PreVoteSent(_core.Now);
        _votes.Clear();
        _votes[_core.Self] = true;
        foreach (var voter in Others())
        {
            _core.Out.Send(new PreVoteRequest
            {
                From = _core.Self, To = voter, Term = _core.Term + 1, LastIndex = _core.Log.LastIndex, LastTerm = _core.Log.LastTerm,
            });
        }

        DecidePreVote();
    }

    /// <summary>The leader transfers its leadership: no pre-vote, and voters are released from their promises to it. Who cannot lead says so at once: proposals wait for the end of the transfer.</summary>
    public void OnTimeoutNow(ulong leader)
    {
        if (_core.AcceptsLeadership && _core.CanCampaign)
        {
            AskForVotes(transfer: true);
            return;
        }

        Sometimes.Reached(Sometimes.TransferRefused);
        _core.SendInTerm(new HeartbeatAcknowledged { From = _core.Self, To = leader, Term = _core.Term, SentAtEcho = long.MinValue });
    }

    public void OnPreVoteResponse(PreVoteResponse response)
    {
        if (_core.Role != RaftRole.PreCandidate || (response.Granted && response.Term != _core.Term + 1))
            return;
        _votes[response.From] = response.Granted;
        DecidePreVote();
    }

    public void OnVoteResponse(VoteResponse response)
    {
        if (_core.Role != RaftRole.Candidate || response.Term != _core.Term)
            return;
        _votes[response.From] = response.Granted;
        Decide();
    }

    /// <summary>Writes are durable: the own vote may be among them.</summary>
    public void OnDurable()
    {
        if (_core.Role != RaftRole.Candidate || _core.Log.Disk.Term != _core.Term || _core.Log.Disk.Vote != _core.Self)
            return;
        _votes[_core.Self] = true;
        Decide();
    }

    private void DecidePreVote()
    {
        // A lost pre-vote is simply left to the timer: it costs nobody anything and the voters may change their minds.
        if (Quorums.Tally(_core.Configuration, _voteOf) == VoteResult.Won && _core.CanCampaign)
            AskForVotes(transfer: false);
    }

    private void AskForVotes(bool transfer)
    {
        _core.BecomeCandidate();
        _core.Timer.VoteUnderWay(_core.Now);
        _votes.Clear();
        foreach (var voter in Others())
        {
            _core.Out.SendAfterDurable(new VoteRequest
            {
                From = _core.Self, To = voter, Term = _core.Term, LastIndex = _core.Log.LastIndex, LastTerm = _core.Log.LastTerm, LeadershipTransfer = transfer,
            });
        }
    }

    private void Decide()
    {
        var result = Quorums.Tally(_core.Configuration, _voteOf);
        if (result == VoteResult.Won && _votes.GetValueOrDefault(_core.Self))
            _core.BecomeLeader();
        else if (result == VoteResult.Lost)
            Lose();
    }

    private void Lose()
    {
        Sometimes.Reached(Sometimes.ElectionLost);
        _core.BecomeFollower(_core.Term, 0);
    }

    private IEnumerable<ulong> Others() => _core.Configuration.Members().Where(node => node != _core.Self && _core.Configuration.IsVoter(node));
}
