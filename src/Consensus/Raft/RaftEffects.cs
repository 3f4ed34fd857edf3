using RaftKv.Consensus.Raft.Messages;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// What has to be done. Order within one set: hand <see cref="HardState"/> and <see cref="Entries"/> to the log as one batch; send <see cref="Messages"/> at any time;
/// send <see cref="MessagesAfterDurable"/> and call <see cref="RaftNode.WritesDurable"/> only when that batch is durable; apply <see cref="Committed"/> in order.
/// Payloads and lists are valid until the next input to the core. Reused between calls.
/// </summary>
public sealed class RaftEffects
{
    /// <summary>To be sent at any time, in order per peer.</summary>
    public List<Message> Messages { get; } = [];

    /// <summary>To be sent only once the writes of this set, and of all sets before it, are durable. They carry no payloads and outlive the next input.</summary>
    public List<Message> MessagesAfterDurable { get; } = [];

    /// <summary>Term and vote, when they changed; written as one record.</summary>
    public (ulong Term, ulong Vote)? HardState { get; set; }

    /// <summary>To be written; the first may overwrite a conflicting tail of the durable log.</summary>
    public List<LogEntry> Entries { get; } = [];

    /// <summary>Set when there is anything to write or any message waits for durability.</summary>
    public StorageToken? Token { get; set; }

    /// <summary>Committed and locally durable, in order, each handed out once.</summary>
    public List<LogEntry> Committed { get; } = [];

    /// <summary>Reads that were confirmed or refused.</summary>
    public List<ReadState> ReadStates { get; } = [];

    /// <summary>Followers that need entries the log no longer has: send them an image.</summary>
    public List<ulong> SnapshotsToSend { get; } = [];

    /// <summary>Pieces of an image from the current leader, for the runtime to store and answer.</summary>
    public List<SnapshotChunk> SnapshotChunks { get; } = [];

    /// <summary>Answers to pieces this node sent, for the runtime.</summary>
    public List<Message> SnapshotAnswers { get; } = [];

    /// <summary>Role, term or leader changed since the last time.</summary>
    public bool LeadershipChanged { get; set; }

    /// <summary>Forgets everything, keeps the lists' memory.</summary>
    public void Clear()
    {
        Messages.Clear();
        MessagesAfterDurable.Clear();
        HardState = null;
        Entries.Clear();
        Token = null;
        Committed.Clear();
        ReadStates.Clear();
        SnapshotsToSend.Clear();
        SnapshotChunks.Clear();
        SnapshotAnswers.Clear();
        LeadershipChanged = false;
    }
}
