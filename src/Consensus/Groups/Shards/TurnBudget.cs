namespace RaftKv.Consensus.Groups.Shards;

/// <summary>
/// How much one turn of a shard does of what can wait: heartbeats leave at its end, so a turn that applied a whole backlog, or served thousands of large reads, would look like a dead leader.
/// </summary>
internal sealed class TurnBudget
{
    /// <summary>Entries applied in one turn, each of 4 KiB counting as one more: some tens of milliseconds.</summary>
    private const int MaxApplied = 2048;

    /// <summary>
    /// Reads served in one turn, each of 256 bytes asked or answered counting as one more: some tens of milliseconds. A page of keys is about 300, a value of full size is more than a turn's.
    /// </summary>
    private const int MaxServed = 8192;

    private int _applied;
    private int _served;

    /// <summary>Whether what is left to apply should wait for the next turn.</summary>
    public bool HasAppliedEnough => _applied >= MaxApplied;

    /// <summary>Whether the reads that are left should wait for the next turn.</summary>
    public bool HasServedEnough => _served >= MaxServed;

    /// <summary>A turn begins.</summary>
    public void Begin() => _applied = _served = 0;

    /// <summary>An entry was applied, in whatever group. What it gave back counts as well: a short command may copy megabytes.</summary>
    public void OnApplied(int payloadBytes, int resultBytes) => _applied += 1 + (payloadBytes >> 12) + (resultBytes >> 12);

    /// <summary>A read was answered, of whatever group.</summary>
    public void OnServed(int commandBytes, int resultBytes) => _served += 1 + (commandBytes >> 8) + (resultBytes >> 8);
}
