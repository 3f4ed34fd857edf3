namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>Every mutant there is: those of symbols, and those of patches. <c>CatalogueTests</c> holds both against the sources.</summary>
internal static class Catalogue
{
    private const string Raft = "Consensus/Raft/", Groups = "Consensus/Groups/", Commands = "Engine/Commands/", Store = "Engine/Store/", Wal = "Engine/Wal/";

    /// <summary>Those that stand in the sources, each behind its symbol.</summary>
    public static IReadOnlyList<Mutant> Symbols { get; } =
    [
        new(1, "vote reply before sync", Raft + "Roles/Voter.cs"),
        new(2, "term and vote in two writes", Raft + "RaftNode.cs"),
        new(3, "append acknowledged before sync", Raft + "Roles/Follower.cs"),
        new(4, "commit counts entries of earlier terms", Raft + "Roles/Leader.cs"),
        new(5, "no up-to-date check in a vote", Raft + "Roles/Voter.cs"),
        new(6, "vote forgotten on a step-down within the term", Raft + "Roles/RaftCore.cs"),
        new(7, "truncation without conflict", Raft + "Roles/Follower.cs"),
        new(8, "conflicting tail kept", Raft + "Roles/Follower.cs"),
        new(9, "commit beyond the verified prefix", Raft + "Roles/Follower.cs"),
        new(10, "an acknowledgement of an earlier term raises match", Raft + "Roles/TermGate.cs"),
        new(11, "an image with a term conflict keeps the tail", Raft + "Roles/Follower.cs"),
        new(12, "image merged into the old state", Store + "MemoryGroupState.cs", Store + "FasterSnapshotWriter.cs"),
        new(13, "applied index saved apart from the data, one entry behind it", Store + "MemoryStateStore.cs", Store + "FasterStateStore.cs"),
        new(14, "what was applied before a restart is not remembered after it", Commands + "SessionTable.cs"),
        new(15, "read index before the own term commits", Raft + "Roles/Leader.cs"),
        new(16, "an answer to an earlier round confirms the read", Raft + "Roles/ReadIndexRounds.cs"),
        new(17, "the lease counts from an answer's receipt, which a pause may have put off", Raft + "Progress/FollowerProgress.cs"),
        new(18, "lease kept during a transfer", Raft + "Roles/Leader.cs"),
        new(19, "configuration change before the no-op commits", Raft + "Roles/Leader.cs"),
        new(20, "removed leader counts itself", Raft + "Roles/Leader.cs"),
        new(21, "joint configuration left before it is committed", Raft + "Roles/Leader.cs"),
        new(22, "session table missing from the image", Groups + "SnapshotSender.cs"),
        new(23, "a write that may have been applied before its session was evicted gets another identity", Groups + "ClientWrites.cs"),
        new(24, "shared log dropped past what the checkpoint of a group holds", Groups + "Checkpointer.cs"),
        new(25, "recovery cuts at damage before the tail", Wal + "LogReplay.cs"),
        new(26, "a failed sync is tried again and taken for a success", Wal + "WriteAheadLog.cs"),
        new(27, "fencing token from a clock"),
        new(28, "old leader revokes leases"),
        new(29, "watcher skips when its buffer is full"),
        new(30, "abort presumed without a durable decision"),
        new(31, "prepared keys lost on a leader change"),
        new(32, "pooled buffer shared across tenants"),
        new(33, "no checksum on a piece of an image", Groups + "SnapshotReceiver.cs", Store + "ImageWriter.cs"),
        new(34, "a refused pre-vote's higher term is ignored", Raft + "Roles/TermGate.cs"),
        new(35, "heartbeats while the disk hangs", Groups + "Shard.cs"),

        new(36, "vote forgotten at a restart", Raft + "Roles/RaftCore.cs"),
        new(37, "lease longer than the voters' promises", Raft + "Roles/LeaderLease.cs"),
        new(38, "a request that was applied is applied again", Commands + "SessionTable.cs", Commands + "Session.cs"),
        new(39, "forwarded write answered before it is applied", Groups + "Replica.cs"),
        new(40, "blocks of the store are read without their checksums", Store + "LogDevice.cs"),
        new(41, "applied before it is durable on this node", Raft + "Log/RaftLog.cs"),
        new(42, "lease reads although commit is ahead of what is applied", Groups + "Replica.cs"),
        new(43, "proposals of an ended term wait on, and get the result of whatever is applied at their index", Groups + "Replica.cs", Groups + "Proposals.cs"),
        new(44, "a write that may have been taken is called without effect", Groups + "ClientWrites.cs"),
        new(45, "lease taken up again after a transfer was given up", Raft + "Roles/Leader.cs"),
        new(46, "a confirmed write counts for what replaced its entries meanwhile", Raft + "Log/Durability.cs"),
        new(47, "promise forgotten at a restart", Raft + "Roles/RaftCore.cs"),
        new(48, "votes asked for before the own is durable", Raft + "Roles/Election.cs"),
        new(49, "the log is cut for an image that no checkpoint holds yet", Groups + "SnapshotReceiver.cs"),
        new(50, "a torn batch is taken for a whole one", Wal + "LogScanner.cs"),
        new(51, "the log is never synced", Wal + "WriteAheadLog.cs"),
        new(52, "read served before its index is applied", Groups + "ClientReads.cs"),
        new(53, "numbers of reads come again after a restart", Groups + "ClientReads.cs"),
        new(54, "the answer to an earlier question serves later reads", Groups + "ClientReads.cs"),
        new(55, "a checkpoint is named before its bytes are durable", Store + "MemoryStateStore.cs", Store + "StoreCheckpointer.cs"),
        new(56, "a lease that was published is taken to hold", Groups + "NodeRuntime.cs"),
        new(57, "a node that lost its log begins anew under its old identity", Wal + "WriteAheadLog.cs"),
        new(58, "the time of a turn is read before what it serves came in", Groups + "Shard.cs"),
        new(59, "numbers of forwarded writes come again after a restart", Groups + "ClientWrites.cs"),
    ];

    /// <summary>All of them, by number.</summary>
    /// <exception cref="InvalidDataException">A patch is not of the form that patches have.</exception>
    public static IReadOnlyList<Mutant> All => [.. Symbols, .. PatchFile.ReadAll(PatchFile.Folder).Select(p => new Mutant(p))];
}
