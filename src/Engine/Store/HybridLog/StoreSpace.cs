using System.Buffers.Binary;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store.Keys;

namespace RaftKv.Engine.Store.HybridLog;

/// <summary>
/// One incarnation of one keyspace of one group: its prefix in FASTER, the index of its keys and the index of its expiry times.
/// </summary>
/// <remarks>
/// Invariant: <see cref="Keys"/> holds exactly the live keys under the prefix, each with the address of its newest record.
/// Invariant: <see cref="Expiries"/> holds exactly <c>expireAt (8, big-endian) key</c> of each live record that has an expiry time.
/// Invariant: <see cref="LiveBytes"/> is the sum of the records' sizes in the log.
/// </remarks>
internal sealed class StoreSpace(SpaceId id)
{
    private byte[] _expiryKey = new byte[64];

    /// <summary>The prefix.</summary>
    public SpaceId Id => id;

    /// <summary>Key to address.</summary>
    public KeyIndex Keys { get; } = new();

    /// <summary>Expiry time and key.</summary>
    public KeyIndex Expiries { get; } = new();

    /// <summary>Bytes of log that are not garbage.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>Bytes a record takes in FASTER's log: header, key and value, each with its length, padded to 8.</summary>
    public static long RecordSize(int keyLength, int valueLength) =>
        8 + ((4 + SpaceId.Size + keyLength + 7) & ~7) + ((4 + StoreFunctions.HeaderSize + valueLength + 7) & ~7);

    /// <summary>Notes a record's place; returns true, with the old entry, if the key was there.</summary>
    public bool Set(ReadOnlySpan<byte> key, IndexEntry entry, out IndexEntry old)
    {
        LiveBytes += RecordSize(key.Length, entry.ValueLength);
        var existed = Keys.Set(key, entry, out old);
        if (existed)
            LiveBytes -= RecordSize(key.Length, old.ValueLength);
        return existed;
    }

    /// <summary>Forgets a record.</summary>
    public bool Remove(ReadOnlySpan<byte> key, out IndexEntry old)
    {
        if (!Keys.Remove(key, out old))
            return false;
        LiveBytes -= RecordSize(key.Length, old.ValueLength);
        return true;
    }

    /// <summary>Notes a record's expiry time.</summary>
    public void AddExpiry(long expireAt, ReadOnlySpan<byte> key) => Expiries.Set(ExpiryKey(expireAt, key), default, out _);

    /// <summary>Forgets a record's expiry time.</summary>
    public void RemoveExpiry(long expireAt, ReadOnlySpan<byte> key)
    {
        var removed = Expiries.Remove(ExpiryKey(expireAt, key), out _);
        Invariant.That(removed, $"group {id.Group}: expiry {expireAt} of a key is not in the index");
    }

    /// <summary>The earliest expiry time and, appended, its key.</summary>
    public bool TryGetEarliest(PooledBuffer into, out long expireAt)
    {
        into.Clear();
        expireAt = long.MaxValue;
        if (!Expiries.TryGetAt(0, into))
            return false;
        expireAt = (long)(BinaryPrimitives.ReadUInt64BigEndian(into.Span) ^ SignBit);
        return true;
    }

    private const ulong SignBit = 1UL << 63;

    /// <summary>Big-endian with the sign flipped sorts bytes as the numbers sort.</summary>
    private ReadOnlySpan<byte> ExpiryKey(long expireAt, ReadOnlySpan<byte> key)
    {
        if (_expiryKey.Length < 8 + key.Length)
            _expiryKey = new byte[(8 + key.Length) * 2];
        BinaryPrimitives.WriteUInt64BigEndian(_expiryKey, (ulong)expireAt ^ SignBit);
        key.CopyTo(_expiryKey.AsSpan(8));
        return _expiryKey.AsSpan(0, 8 + key.Length);
    }
}
