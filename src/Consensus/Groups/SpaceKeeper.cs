using Microsoft.Extensions.Logging;
using RaftKv.Engine;
using RaftKv.Engine.Commands;
using RaftKv.Engine.Store;

namespace RaftKv.Consensus.Groups;

/// <summary>
/// Keeps a shard's store from filling its disk: lets it give garbage back in the shard's turns, asks for the checkpoints that needs, and, while the store is short of space, lets writes wait and then refuses
/// them, but for those that remove, as that is how space comes back. What is committed is applied all the same, from the store's reserve. Owned by the shard's thread.
/// </summary>
internal sealed partial class SpaceKeeper(Shard shard, IStateStore store, ILogger logger)
{
    /// <summary>So long writes wait before they are refused: giving garbage back and a checkpoint take less, unless the disk is full of what lives.</summary>
    private const long Grace = 1_000_000_000;

    /// <summary>Between two steps of giving garbage back.</summary>
    private const long GiveBackInterval = 2_000_000;

    private readonly ILogger _logger = logger;
    private long _nextGiveBack = long.MinValue;
    private long _shortSince;
    private volatile bool _isFull;
    private volatile bool _refuses;

    /// <summary>Whether the store can take nothing more at the moment: nothing is applied, so that it never has to. From any thread.</summary>
    public bool IsFull => _isFull;

    /// <summary>Whether what needs space is refused, because the store has been about to be full for too long. From any thread.</summary>
    public bool Refuses => _refuses;

    /// <summary>Whether the store is about to be full.</summary>
    public bool IsShort { get; private set; }

    /// <summary>When it wants the next turn.</summary>
    public long NextDeadline => store.HasSpaceToGiveBack ? Math.Max(shard.Now, _nextGiveBack) : long.MaxValue;

    private bool IsGrace => shard.Now < _shortSince + Grace;

    /// <summary>Whether a command waits, to be taken when there is space again or refused when there is none for too long.</summary>
    public bool MustWait(ReadOnlySpan<byte> command) => IsShort && IsGrace && !NeedsNoSpace(command);

    /// <summary>Sees how the store stands.</summary>
    public void Watch()
    {
        if (store.IsDiskFull != IsFull)
            OnFull(!IsFull);
        if (store.IsShortOfSpace != IsShort)
            OnShort(!IsShort);
        if (!IsShort || _refuses || IsGrace)
            return;
        _refuses = true;
        LogShort();
        shard.UpdateMayLead();
    }

    /// <summary>Lets the store give garbage back, a step at a time.</summary>
    public void GiveBack()
    {
        if (shard.Now < _nextGiveBack || !store.HasSpaceToGiveBack)
            return;
        _nextGiveBack = shard.Now + GiveBackInterval;
        if (store.GiveSpaceBack())
            shard.Checkpoints.Demand();
    }

    /// <summary>Whether a command is taken although the store is about to be full.</summary>
    public static bool NeedsNoSpace(ReadOnlySpan<byte> command) => command.Length >= CommandEnvelope.Size && CommandEnvelope.Kind(command).NeedsNoSpace();

    private void OnFull(bool full)
    {
        _isFull = full;
        foreach (var replica in shard.Replicas)
            replica.OnStoreFull(full);
        if (full)
        {
            Sometimes.Reached(Sometimes.StoreDiskFull);
            LogFull();
        }
        else
        {
            LogHasSpaceAgain();
        }

        shard.UpdateMayLead();
    }

    private void OnShort(bool isShort)
    {
        IsShort = isShort;
        _shortSince = shard.Now;
        if (isShort)
        {
            Sometimes.Reached(Sometimes.StoreShortOfSpace);
            return;
        }

        // Writes wait for this.
        foreach (var replica in shard.Replicas)
            shard.Touch(replica);
        if (_refuses)
            LogHasSpaceAgain();
        _refuses = false;
        shard.UpdateMayLead();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "the disk under the store is full: nothing is applied and writes are refused until there is space")]
    private partial void LogFull();

    [LoggerMessage(Level = LogLevel.Error, Message = "the disk under the store is about to be full: only commands that remove are accepted until there is space")]
    private partial void LogShort();

    [LoggerMessage(Level = LogLevel.Information, Message = "the store has space for writes again")]
    private partial void LogHasSpaceAgain();
}
