using RaftKv.Consensus.Raft.Messages;

namespace RaftKv.Consensus.Raft;

/// <summary>Effects on their way out, until they are taken.</summary>
internal sealed class Outbox
{
    private readonly List<Message> _messages = [];
    private readonly List<Message> _afterDurable = [];
    private readonly List<ReadState> _reads = [];
    private readonly List<ulong> _snapshotsToSend = [];
    private readonly List<SnapshotChunk> _chunks = [];
    private readonly List<Message> _snapshotAnswers = [];
    private readonly Stack<List<LogEntry>> _lists = [];
    private readonly List<List<LogEntry>> _lent = [];
    private bool _leadershipChanged;

    public bool IsEmpty => _messages.Count == 0 && _afterDurable.Count == 0 && _reads.Count == 0 && _snapshotsToSend.Count == 0
        && _chunks.Count == 0 && _snapshotAnswers.Count == 0 && !_leadershipChanged;

    /// <summary>Whether any message waits for what is being written.</summary>
    public bool AwaitsDurability => _afterDurable.Count > 0;

    public void Send(Message message) => _messages.Add(message);

    /// <summary>To be sent when all that was handed out, or is about to be, is durable.</summary>
    public void SendAfterDurable(Message message) => _afterDurable.Add(message);

    public void Answer(ReadState read) => _reads.Add(read);

    public void SendSnapshot(ulong peer) => _snapshotsToSend.Add(peer);

    public void Receive(SnapshotChunk chunk) => _chunks.Add(chunk);

    public void ReceiveAnswer(Message answer) => _snapshotAnswers.Add(answer);

    public void LeadershipChanged() => _leadershipChanged = true;

    /// <summary>A list for one message's entries; comes back by itself once the effects that carried it were used.</summary>
    public List<LogEntry> RentList()
    {
        var list = _lists.TryPop(out var pooled) ? pooled : [];
        _lent.Add(list);
        return list;
    }

    /// <summary>The effects taken last were used: their lists may be filled again.</summary>
    public void ReclaimLists()
    {
        foreach (var list in _lent)
        {
            list.Clear();
            _lists.Push(list);
        }

        _lent.Clear();
    }

    public void MoveTo(RaftEffects effects)
    {
        Move(_messages, effects.Messages);
        Move(_afterDurable, effects.MessagesAfterDurable);
        Move(_reads, effects.ReadStates);
        Move(_snapshotsToSend, effects.SnapshotsToSend);
        Move(_chunks, effects.SnapshotChunks);
        Move(_snapshotAnswers, effects.SnapshotAnswers);
        effects.LeadershipChanged = _leadershipChanged;
        _leadershipChanged = false;
    }

    private static void Move<T>(List<T> from, List<T> to)
    {
        if (from.Count == 0)
            return;
        to.AddRange(from);
        from.Clear();
    }
}
