using System.Buffers.Binary;
using System.Numerics;

namespace RaftKv.Engine.Store;

/// <summary>
/// A stable hash of a group's state that does not depend on the order in which records are added: the sum of one 64-bit hash per record. It tells replicas that differ apart; it does not resist an attacker.
/// </summary>
internal struct StateHash(AppliedPosition position)
{
    private ulong _sum = Mix(Mix(Mix(0x5261_6674_4b76_0001, position.Index), position.Term), (ulong)position.Time);

    /// <summary>The hash of what was added.</summary>
    public readonly ulong Value => Mix(_sum, 0);

    /// <summary>Adds one record.</summary>
    public void Add(Keyspace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value)
    {
        var hash = Mix((ulong)space + 1, header.Revision);
        hash = Mix(hash, (ulong)header.ExpireAt);
        hash = Bytes(hash, key);
        _sum += Bytes(hash, value);
    }

    private static ulong Bytes(ulong hash, ReadOnlySpan<byte> bytes)
    {
        hash = Mix(hash, (ulong)bytes.Length);
        for (; bytes.Length >= 8; bytes = bytes[8..])
            hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        ulong tail = 0;
        foreach (var b in bytes)
            tail = (tail << 8) | b;
        return Mix(hash, tail);
    }

    private static ulong Mix(ulong hash, ulong word)
    {
        hash = (BitOperations.RotateLeft(hash, 29) ^ word) * 0x9E37_79B9_7F4A_7C15;
        return hash ^ (hash >> 32);
    }
}
