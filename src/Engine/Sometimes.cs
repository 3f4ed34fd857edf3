using System.Reflection;

namespace RaftKv.Engine;

/// <summary>
/// Markers of rare events, so that a simulation can say which of them it has never met: a test that cannot reach a line says nothing about it.
/// Placed on rare paths only; costs one look at a thread's own field when nobody listens. A listener hears what happens on its own thread.
/// </summary>
public static class Sometimes
{
    /// <summary>A leader is deposed with entries in its log that are not committed.</summary>
    public const string LeaderDeposedWithUncommitted = "a leader is deposed with entries in its log that are not committed";

    /// <summary>A leader that hears no quorum steps down.</summary>
    public const string LeaderWithoutQuorum = "a leader that hears no quorum steps down";

    /// <summary>A leader of an earlier term is told so.</summary>
    public const string StaleLeaderAnswered = "a leader of an earlier term is told so";

    /// <summary>An acknowledgement of an earlier term arrives.</summary>
    public const string StaleAcknowledgement = "an acknowledgement of an earlier term arrives";

    /// <summary>A conflicting tail is cut off.</summary>
    public const string TailTruncated = "a conflicting tail is cut off";

    /// <summary>A conflicting tail is cut off while it is still being written.</summary>
    public const string TailTruncatedWhileWritten = "a conflicting tail is cut off while it is still being written";

    /// <summary>A configuration is cut off with the tail, and the one before governs again.</summary>
    public const string ConfigurationTruncated = "a configuration is cut off with the tail, and the one before governs again";

    /// <summary>An append was lost and is found out by the heartbeats behind it.</summary>
    public const string AppendLost = "an append was lost and is found out by the heartbeats behind it";

    /// <summary>A rejection arrives that says nothing any more.</summary>
    public const string StaleRejection = "a rejection arrives that says nothing any more";

    /// <summary>A read index is refused before the first commit of the term.</summary>
    public const string ReadIndexBeforeOwnCommit = "a read index is refused before the first commit of the term";

    /// <summary>Reads wait for a round when leadership is lost.</summary>
    public const string ReadsRefusedByResignation = "reads wait for a round when leadership is lost";

    /// <summary>A pre-vote is refused because a leader lives.</summary>
    public const string PreVoteRefusedForLiveLeader = "a pre-vote is refused because a leader lives";

    /// <summary>Of two that would stand for election at once, one gives way.</summary>
    public const string PreCandidateGaveWay = "of two that would stand for election at once, one gives way";

    /// <summary>A request for a vote is ignored because a leader counts on this node.</summary>
    public const string VoteIgnoredForPromise = "a request for a vote is ignored because a leader counts on this node";

    /// <summary>A vote is refused because the candidate's log is older.</summary>
    public const string VoteRefusedForOldLog = "a vote is refused because the candidate's log is older";

    /// <summary>A candidate loses its election.</summary>
    public const string ElectionLost = "a candidate loses its election";

    /// <summary>A restarted node keeps the promise that it may have given.</summary>
    public const string PromiseKeptOverRestart = "a restarted node keeps the promise that it may have given";

    /// <summary>A leader is replaced by the one that it transferred to.</summary>
    public const string TransferCompleted = "a leader is replaced by the one that it transferred to";

    /// <summary>A transfer of leadership is given up.</summary>
    public const string TransferGivenUp = "a transfer of leadership is given up";

    /// <summary>A node that cannot lead refuses a transfer of leadership.</summary>
    public const string TransferRefused = "a node that cannot lead refuses a transfer of leadership";

    /// <summary>A transfer to a node's preferred leader failed, and that is left alone for a while.</summary>
    public const string PreferredLeaderFailed = "a transfer to a group's preferred leader fails, and that is left alone for a while";

    /// <summary>A read that this node cannot serve is forwarded to the leader.</summary>
    public const string ReadForwarded = "a read that this node cannot serve is forwarded to the leader";

    /// <summary>A forwarded read is not answered and is asked again.</summary>
    public const string ReadForwardedAgain = "a forwarded read is not answered in time and is asked again";

    /// <summary>A joint configuration is appended.</summary>
    public const string JointEntered = "a joint configuration is appended";

    /// <summary>A joint configuration is left.</summary>
    public const string JointLeft = "a joint configuration is left";

    /// <summary>A leader that was removed transfers leadership and goes.</summary>
    public const string RemovedLeaderWent = "a leader that was removed transfers leadership and goes";

    /// <summary>A proposal is refused because too much is uncommitted.</summary>
    public const string ProposalOverloaded = "a proposal is refused because too much is uncommitted";

    /// <summary>An idle group quiesces.</summary>
    public const string GroupQuiesced = "an idle group quiesces";

    /// <summary>A silent group wakes.</summary>
    public const string GroupWoke = "a silent group wakes";

    /// <summary>The log comes to hold what an image covers before the image is installed.</summary>
    public const string ImageOvertakenByLog = "the log comes to hold what an image covers before the image is installed";

    /// <summary>A read is not served under the lease because commit is ahead of what is applied.</summary>
    public const string LeaseRefusedBehindCommit = "a read is not served under the lease because commit is ahead of what is applied";

    /// <summary>A read index was refused and is asked for anew.</summary>
    public const string ReadRefusedAndAskedAgain = "a read index was refused and is asked for anew";

    /// <summary>A read index is not answered and is asked for again.</summary>
    public const string ReadAskedAgain = "a read index is not answered and is asked for again";

    /// <summary>A leader sends a forwarded write back, to be asked again.</summary>
    public const string ForwardAskedAgain = "a leader sends a forwarded write back, to be asked again";

    /// <summary>A frame would become too long and is followed by another.</summary>
    public const string FrameSplit = "a frame would become too long and is followed by another";

    /// <summary>The result of a forwarded write finds no room on its way back.</summary>
    public const string ResultDropped = "the result of a forwarded write finds no room on its way back";

    /// <summary>Forwarded writes wait because enough of them are on their way.</summary>
    public const string ForwardWindowFull = "forwarded writes wait because enough of them are on their way";

    /// <summary>A frame is dropped because too much waits for a shard.</summary>
    public const string InboxFull = "a frame is dropped because too much waits for a shard";

    /// <summary>A batch for the log leaves before its turn is over.</summary>
    public const string BatchSplit = "a batch for the log leaves before its turn is over";

    /// <summary>A write that this node proposed is placed again after leadership was lost.</summary>
    public const string ProposalLost = "a write that this node proposed is placed again after leadership was lost";

    /// <summary>A write that was placed ends with its outcome unknown.</summary>
    public const string WriteOutcomeUnknown = "a write that was placed ends with its outcome unknown";

    /// <summary>A write ends that no leader took.</summary>
    public const string WriteUnavailable = "a write ends that no leader took";

    /// <summary>A write whose session was evicted gets another identity.</summary>
    public const string RetryWithNewSession = "a write whose session was evicted gets another identity";

    /// <summary>A write that was placed several times finds its session evicted.</summary>
    public const string SessionLostAfterRetry = "a write that was placed several times finds its session evicted";

    /// <summary>A proposal to remove expired keys is lost.</summary>
    public const string ExpiryLost = "a proposal to remove expired keys is lost";

    /// <summary>An image replaces a replica's state.</summary>
    public const string ImageInstalled = "an image replaces a replica's state";

    /// <summary>An image is refused by its receiver.</summary>
    public const string ImageRefused = "an image is refused by its receiver";

    /// <summary>A piece of an image is out of order, repeated or damaged.</summary>
    public const string ImagePieceRejected = "a piece of an image is out of order, repeated or damaged";

    /// <summary>An image goes on after the connection broke.</summary>
    public const string ImageResumed = "an image goes on after the connection broke";

    /// <summary>An image begins again because its receiver lost it.</summary>
    public const string ImageBegunAgain = "an image begins again because its receiver lost it";

    /// <summary>An image's receiver came to hold its entries otherwise.</summary>
    public const string ImageNotNeeded = "an image under way is not needed any more";

    /// <summary>An image is given up because its receiver does not answer.</summary>
    public const string ImageGivenUp = "an image is given up because its receiver does not answer";

    /// <summary>At recovery the store is ahead of its log.</summary>
    public const string StoreAheadOfLog = "at recovery the store is ahead of its log";

    /// <summary>The log's disk is full.</summary>
    public const string ApplyHalted = "a defect keeps an entry from being applied, and its group halts";
    public const string ApplyResumed = "a halted group goes on behind its entry";
    public const string LimitExceeded = "an entry would pass a ceiling and is refused as it is applied";
    public const string LogDiskFull = "the log's disk is full";

    /// <summary>What a full disk refused is offered to the log again.</summary>
    public const string LogRetriedAfterFullDisk = "what a full disk refused is offered to the log again";

    /// <summary>The log confirms nothing for an election timeout.</summary>
    public const string LogHangs = "the log confirms nothing for an election timeout";

    /// <summary>The store's disk is full.</summary>
    public const string StoreDiskFull = "the store's disk is full";

    /// <summary>A checkpoint fails because the disk is full.</summary>
    public const string CheckpointRefusedByFullDisk = "a checkpoint fails because the disk is full";

    /// <summary>A torn last batch is cut off at recovery.</summary>
    public const string TornTailDropped = "a torn last batch is cut off at recovery";

    /// <summary>A log is refused because it is damaged.</summary>
    public const string LogDamageFound = "a log is refused because it is damaged";

    /// <summary>A segment of the log comes free.</summary>
    public const string SegmentDropped = "a segment of the log comes free";

    /// <summary>The log's compaction writes live records again.</summary>
    public const string LogCompactionCopied = "the log's compaction writes live records again";

    /// <summary>The last spare segment is taken by a batch without entries.</summary>
    public const string ReserveSegmentTaken = "the last spare segment is taken by a batch without entries";

    /// <summary>A checkpoint is passed over at recovery because it is not whole.</summary>
    public const string CheckpointDamaged = "a checkpoint is passed over at recovery because it is not whole";

    /// <summary>The store's compaction writes a live record again.</summary>
    public const string StoreCompactionCopied = "the store's compaction writes a live record again";

    /// <summary>The beginning of the store's log is cut off.</summary>
    public const string StoreLogCut = "the beginning of the store's log is cut off";

    /// <summary>The store is about to be full, and takes only what removes.</summary>
    public const string StoreShortOfSpace = "the store is about to be full, and takes only what removes";

    /// <summary>The store's reserve is let go because the disk is full.</summary>
    public const string ReserveReleased = "the store's reserve is let go because the disk is full";

    /// <summary>A client session is evicted.</summary>
    public const string SessionEvicted = "a client session is evicted";

    /// <summary>A request that was applied is answered from its session.</summary>
    public const string DuplicateAnswered = "a request that was applied is answered from its session";

    /// <summary>A request is older than what its session remembers.</summary>
    public const string DuplicateForgotten = "a request is older than what its session remembers";

    /// <summary>A request is settled as never to be applied.</summary>
    public const string OutcomeCancelled = "a request is settled as never to be applied";

    /// <summary>A read on a caller's thread meets an entry half done.</summary>
    public const string LocalReadDisturbed = "a read on a caller's thread meets an entry half done";

    /// <summary>A leader that nobody has told the time since its start begins the time of its log, with wall clocks or without.</summary>
    public const string LogClockBegan = "a leader begins the time of its log";

    /// <summary>A node that was just started takes the time of its log from who votes for it.</summary>
    public const string LogTimeFromVoter = "a node that was just started takes the time of its log from who votes for it";

    [ThreadStatic]
    private static Action<string>? _listener;

    /// <summary>Every marker there is.</summary>
    public static IReadOnlyList<string> All { get; } =
        [.. typeof(Sometimes).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (string)f.GetRawConstantValue()!)];

    /// <summary>This has happened.</summary>
    /// <param name="what">One of the constants of this type.</param>
    public static void Reached(string what) => _listener?.Invoke(what);

    /// <summary>Hears of every marker reached on this thread until the result is disposed of, on the same thread. Listeners nest: only the newest hears.</summary>
    public static IDisposable Listen(Action<string> listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        var listening = new Listening(_listener);
        _listener = listener;
        return listening;
    }

    private sealed class Listening(Action<string>? before) : IDisposable
    {
        public void Dispose() => _listener = before;
    }
}
