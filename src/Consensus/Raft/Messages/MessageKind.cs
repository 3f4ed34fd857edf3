namespace RaftKv.Consensus.Raft.Messages;

/// <summary>The kind byte of an encoded message. On the wire: numbers are never changed.</summary>
internal enum MessageKind : byte
{
    AppendEntries = 1,
    AppendAccepted = 2,
    AppendRejected = 3,
    Heartbeat = 4,
    HeartbeatAcknowledged = 5,
    PreVoteRequest = 6,
    PreVoteResponse = 7,
    VoteRequest = 8,
    VoteResponse = 9,
    TimeoutNow = 10,
    ReadIndexRequest = 11,
    ReadIndexResponse = 12,
    ReadIndexRefused = 13,
    SnapshotChunk = 14,
    SnapshotAcknowledged = 15,
    SnapshotRefused = 16,
}
