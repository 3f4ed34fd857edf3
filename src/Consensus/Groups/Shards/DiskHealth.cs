namespace RaftKv.Consensus.Groups.Shards;

/// <summary>
/// Whether the disks under this node take what they are given, and what follows from it for one shard: whether it takes writes, whether it proposes, whether it should lead. Changed by the shard's thread.
/// </summary>
/// <param name="shard">The shard's number.</param>
/// <param name="host">Tells the node's other shards: the log is the node's, and a shard with nothing to write would not notice that it hangs.</param>
/// <param name="onMayLeadChanged">Called when <see cref="MayLead"/> has changed.</param>
internal sealed class DiskHealth(int shard, IShardHost host, Action onMayLeadChanged)
{
    private const string StoreFull = "the disk under this node's store is full", LogFull = "this node's disk is full", LogSilent = "this node's disk does not answer";

    private readonly HashSet<int> _otherShards = [];
    private volatile bool _logIsFull;
    private volatile bool _logHangs;
    private volatile bool _storeIsFull;
    private volatile bool _storeRefuses;
    private bool _stopping;

    /// <summary>Why writes of this node's callers are refused at the moment, or null. From any thread.</summary>
    public string? RefusalOfWrites => _logIsFull ? LogFull : _storeIsFull || _storeRefuses ? StoreFull : null;

    /// <summary>
    /// Why nothing is proposed on this node at the moment, or null. From any thread. A disk that does not answer may do so at once: what callers write waits for that, or for another node to lead, and is
    /// not refused.
    /// </summary>
    public string? RefusalOfProposals => _logHangs ? LogSilent : RefusalOfWrites;

    /// <summary>The store takes nothing more at the moment: nothing is applied, so that it never has to. From any thread.</summary>
    public bool IsStoreFull => _storeIsFull;

    /// <summary>Whether the store is about to be full.</summary>
    public bool IsStoreShort { get; private set; }

    /// <summary>Whether what needs space waits, since the store is about to be full only since a moment ago.</summary>
    public bool IsGrace { get; private set; }

    /// <summary>Whether the log refused or did not answer when it was heard of last.</summary>
    public bool IsLogIll => _logIsFull || _logHangs;

    /// <summary>Whether the log refused what it was given last.</summary>
    public bool IsLogFull => _logIsFull;

    /// <summary>Whether this node should lead groups of this shard: its disks take what they are given, as far as any shard knows, and it is not about to stop.</summary>
    public bool MayLead { get; private set; } = true;

    /// <summary>Why a command of this node's callers is refused at the moment, or null: what removes is not, while the store is only about to be full.</summary>
    public string? RefusalOf(ReadOnlySpan<byte> command) => _storeIsFull || !SpaceKeeper.NeedsNoSpace(command) ? RefusalOfWrites : _logIsFull ? LogFull : null;

    /// <summary>The same for proposing it.</summary>
    public string? RefusalOfProposal(ReadOnlySpan<byte> command) => _logHangs ? RefusalOfProposals : RefusalOf(command);

    /// <summary>Whether a command waits, to be taken when there is space again or refused when there is none for too long.</summary>
    public bool MustWait(ReadOnlySpan<byte> command) => IsStoreShort && IsGrace && !SpaceKeeper.NeedsNoSpace(command);

    /// <summary>How the log takes what it is given.</summary>
    public void SetLog(bool isFull, bool hangs)
    {
        (_logIsFull, _logHangs) = (isFull, hangs);
        host.OnLogRefuses(shard, isFull || hangs);
        Update();
    }

    /// <summary>How the store stands.</summary>
    /// <param name="isFull">It can take nothing.</param>
    /// <param name="isShort">It is about to be full.</param>
    /// <param name="isGrace">It has been so for a moment only.</param>
    public void SetStore(bool isFull, bool isShort, bool isGrace)
    {
        (IsStoreShort, IsGrace) = (isShort, isGrace);
        _storeIsFull = isFull;
        _storeRefuses = isShort && !isGrace;
        Update();
    }

    /// <summary>The node's log refuses what another shard gave it, or no longer does.</summary>
    public void SetOther(int other, bool refuses)
    {
        if (refuses)
            _otherShards.Add(other);
        else
            _otherShards.Remove(other);
        Update();
    }

    /// <summary>The node is about to stop.</summary>
    public void Stop()
    {
        _stopping = true;
        Update();
    }

    private void Update()
    {
        var may = RefusalOfProposals is null && _otherShards.Count == 0 && !_stopping;
        if (may == MayLead)
            return;
        MayLead = may;
        onMayLeadChanged();
    }
}
