namespace RaftKv.Engine.Store;

/// <summary>
/// The replicated state of a shard's groups. One thread, the shard's, applies; <see cref="IGroupState.Read"/> alone may be called from any thread.
/// Invariant: what recovery brings back is, for each group, exactly the state after some entry it reports as <see cref="IGroupState.Applied"/>; never in between, never mixed.
/// Invariant: a checkpoint is trusted only through its own synced and checksummed manifest; damaged or missing parts are refused, never served.
/// </summary>
public interface IStateStore : IDisposable
{
    /// <summary>The groups that exist, recovered or opened since.</summary>
    IReadOnlyCollection<uint> Groups { get; }

    /// <summary>The state of a group; created empty (applied position 0) when there is none.</summary>
    IGroupState Open(uint group);

    /// <summary>Forgets a group and all its keys.</summary>
    void Drop(uint group);

    /// <summary>
    /// Starts a checkpoint of all groups as of now, between two entries. The store goes on applying and serving while it is written.
    /// False, and nothing happens, while another one is under way.
    /// </summary>
    bool TryBeginCheckpoint();

    /// <summary>Called by the shard every turn while a checkpoint is under way: drives it on; returns it once it is durable and verified, else null.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    CompletedCheckpoint? PollCheckpoint();

    /// <summary>
    /// The disk under the store is full. Reads go on, and writes into memory while there is any; the shard should apply nothing more until this is false again, which needs no restart. Any thread.
    /// </summary>
    bool IsDiskFull => false;

    /// <summary>
    /// The disk under the store is about to be full: no command should be taken any more but those that remove, of which space comes back. What was taken is applied. Ends by itself. Any thread.
    /// </summary>
    bool IsShortOfSpace => IsDiskFull;

    /// <summary>There is garbage to be given back soon, although no entries come that would drive it: the shard calls <see cref="GiveSpaceBack"/> in its turns, a few milliseconds apart.</summary>
    bool HasSpaceToGiveBack => false;

    /// <summary>Gives garbage back, one bounded step, between two entries. True if that needs a checkpoint to go on.</summary>
    bool GiveSpaceBack() => false;
}
