using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// What every message passes first: its term against ours (Raft paper 5.1), then on to the role that understands it.
/// Invariant: behind the gate, messages of leaders and answers to them are of the current term; only pre-votes and requests for a read index may differ.
/// </summary>
internal sealed class TermGate(RaftCore core)
{
    public void Step(Message message)
    {
        if (message.To != core.Self || message.From == core.Self)
            return;
        if (message.Term < core.Term)
            AnswerStale(message);
        else if (EnterTerm(message))
            Dispatch(message);
    }

    // A later term makes a follower of anyone; what cannot prove a later term's existence, or may not disturb a leader's voters, does not.
    private bool EnterTerm(Message message)
    {
        if (message is VoteRequest vote && core.Voter.Ignores(vote))
            return false;
        if (message.Term > core.Term && message is not (PreVoteRequest or PreVoteResponse { Granted: true }))
            core.BecomeFollower(message.Term, 0);
        return true;
    }

    private void AnswerStale(Message message)
    {
        switch (message)
        {
            case AppendEntries or Heartbeat or SnapshotChunk:
                Sometimes.Reached(Sometimes.StaleLeaderAnswered);
                // Someone leads an older term. Without an answer it would go on, and a node that is ahead of its group's term would be lost to it for ever. The answer promises nothing.
                core.SendInTerm(new HeartbeatAcknowledged { From = core.Self, To = message.From, Term = core.Term, SentAtEcho = long.MinValue });
                break;
            case PreVoteRequest:
                core.Out.Send(new PreVoteResponse { From = core.Self, To = message.From, Term = core.Term, Granted = false });
                break;
            case VoteRequest:
                core.Out.SendAfterDurable(new VoteResponse { From = core.Self, To = message.From, Term = core.Term, Granted = false });
                break;
            case ReadIndexRequest read:
                ReadIndexRounds.Refuse(core, read.From, read.Context);
                break;
            default:
                // An answer to something of an earlier term: it means nothing any more.
                if (message is AppendAccepted)
                    Sometimes.Reached(Sometimes.StaleAcknowledgement);
                break;
        }
    }

    private void Dispatch(Message message)
    {
        switch (message)
        {
            case AppendEntries or Heartbeat or SnapshotChunk or TimeoutNow:
                DispatchFromLeader(message);
                break;
            case AppendAccepted or AppendRejected or HeartbeatAcknowledged or SnapshotAcknowledged or SnapshotRefused:
                if (core.Leadership is { } leadership)
                    DispatchToLeader(leadership, message);
                break;
            case PreVoteRequest preVote:
                core.Voter.OnPreVoteRequest(preVote);
                break;
            case PreVoteResponse preVoted:
                core.Election.OnPreVoteResponse(preVoted);
                break;
            case VoteRequest vote:
                core.Voter.OnVoteRequest(vote);
                break;
            case VoteResponse voted:
                core.Election.OnVoteResponse(voted);
                break;
            case ReadIndexRequest read:
                if (core.Leadership is not { } leader || leader.ReadIndex(read.Context, read.From) == ReadIndexStatus.NotReady)
                    ReadIndexRounds.Refuse(core, read.From, read.Context);
                break;
            case ReadIndexResponse answer:
                core.Out.Answer(new ReadState(answer.Context, answer.Index));
                break;
            case ReadIndexRefused refusal:
                core.Out.Answer(new ReadState(refusal.Context, 0));
                break;
        }
    }

    private void DispatchFromLeader(Message message)
    {
        core.BecomeFollower(core.Term, message.From);
        core.Follower.OnLeaderHeard(message.From);
        switch (message)
        {
            case AppendEntries append:
                core.Follower.OnAppendEntries(append);
                break;
            case Heartbeat heartbeat:
                core.Follower.OnHeartbeat(heartbeat);
                break;
            case SnapshotChunk chunk:
                core.Follower.OnSnapshotChunk(chunk);
                break;
            case TimeoutNow:
                core.Election.OnTimeoutNow(message.From);
                break;
        }
    }

    private static void DispatchToLeader(Leader leader, Message message)
    {
        switch (message)
        {
            case AppendAccepted accepted:
                leader.OnAppendAccepted(accepted);
                break;
            case AppendRejected rejected:
                leader.OnAppendRejected(rejected);
                break;
            case HeartbeatAcknowledged acknowledged:
                leader.OnHeartbeatAcknowledged(acknowledged);
                break;
            default:
                leader.OnSnapshotAnswer(message);
                break;
        }
    }
}
