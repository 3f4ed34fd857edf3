using System.Buffers.Binary;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>
/// Nodes tell each other what their wall clocks show, once a second and as soon as they are connected: <see cref="WallClocks"/>. The first shard does it for the whole node.
/// The item of a frame: length u32 (12), group u32 (0: it is about none, and goes to the first shard), milliseconds since the Unix epoch i64.
/// </summary>
internal sealed class ClockExchange(Shard shard, WallClocks clocks)
{
    private const long Interval = 1_000_000_000;
    private const int ItemBytes = 12;

    private readonly bool _isMine = shard.Number == 0;
    private long _next = long.MinValue;

    public long NextDeadline => _isMine ? _next : long.MaxValue;

    public void OnPeerConnected(ulong peer)
    {
        if (_isMine)
            shard.Outbox.AddClock(peer, clocks.Own);
    }

    public void Tick(long now)
    {
        if (!_isMine || now < _next)
            return;
        _next = now + Interval;
        clocks.Look(now);
        foreach (var member in shard.Configuration.Members)
        {
            if (shard.IsConnected(member.Number))
                shard.Outbox.AddClock(member.Number, clocks.Own);
        }
    }

    /// <summary>Takes the items of a frame; false if they are not readable.</summary>
    public bool TakeReports(ulong peer, ReadOnlySpan<byte> items, long now)
    {
        for (; !items.IsEmpty; items = items[(4 + ItemBytes)..])
        {
            if (items.Length < 4 + ItemBytes || BinaryPrimitives.ReadUInt32LittleEndian(items) != ItemBytes)
                return false;
            clocks.Report(peer, BinaryPrimitives.ReadInt64LittleEndian(items[8..]), now);
        }

        return true;
    }
}
