using Microsoft.Extensions.Logging;
using RaftKv.Engine;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;

namespace RaftKv.Consensus.Groups.Shards;

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
    private bool _isFull;
    private bool _isShort;
    private bool _refuses;

    /// <summary>When it wants the next turn.</summary>
    public long NextDeadline => store.HasSpaceToGiveBack ? Math.Max(shard.Now, _nextGiveBack) : long.MaxValue;

    /// <summary>Whether a command is taken although the store is about to be full.</summary>
    public static bool NeedsNoSpace(ReadOnlySpan<byte> command) => command.Length >= CommandEnvelope.Size && CommandEnvelope.Kind(command).NeedsNoSpace();

    /// <summary>Sees how the store stands.</summary>
    public void Watch()
    {
        var (wasFull, wasShort, refused) = (_isFull, _isShort, _refuses);
        (_isFull, _isShort) = (store.IsDiskFull, store.IsShortOfSpace);
        if (_isShort && !wasShort)
            _shortSince = shard.Now;
        _refuses = _isShort && (refused || shard.Now >= _shortSince + Grace);
        if ((_isFull, _isShort, _refuses) == (wasFull, wasShort, refused))
            return;
        shard.Health.SetStore(_isFull, _isShort, isGrace: _isShort && !_refuses);
        if (_isFull != wasFull)
            OnFullChanged();
        if (_isShort != wasShort)
            OnShortChanged();
        Tell(wasFull, refused);
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

    private void OnFullChanged()
    {
        if (_isFull)
            Sometimes.Reached(Sometimes.StoreDiskFull);
        foreach (var replica in shard.Replicas)
            replica.OnStoreFull();
    }

    private void OnShortChanged()
    {
        if (_isShort)
        {
            Sometimes.Reached(Sometimes.StoreShortOfSpace);
            return;
        }

        // Writes wait for this.
        foreach (var replica in shard.Replicas)
            shard.Touch(replica);
    }

    private void Tell(bool wasFull, bool refused)
    {
        if (_isFull && !wasFull)
            LogFull();
        else if (_refuses && !refused)
            LogShort();
        else if ((wasFull && !_isFull) || (refused && !_refuses))
            LogHasSpaceAgain();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "the disk under the store is full: nothing is applied and writes are refused until there is space")]
    private partial void LogFull();

    [LoggerMessage(Level = LogLevel.Error, Message = "the disk under the store is about to be full: only commands that remove are accepted until there is space")]
    private partial void LogShort();

    [LoggerMessage(Level = LogLevel.Information, Message = "the store has space for writes again")]
    private partial void LogHasSpaceAgain();
}
