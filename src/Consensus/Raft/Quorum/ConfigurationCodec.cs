using System.Buffers.Binary;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// A configuration as bytes, the payload of configuration entries and a part of snapshot chunks: version (1 byte, 1), flags (1 byte, bit 0 AutoLeave),
/// then voters, outgoing, learners, learners-next, each a little-endian u16 count and that many u64.
/// </summary>
public static class ConfigurationCodec
{
    private const byte Version = 1;

    /// <summary>Appends the encoding.</summary>
    public static void Write(PooledBuffer into, Configuration configuration)
    {
        into.Write([Version, configuration.AutoLeave ? (byte)1 : (byte)0]);
        WriteSet(into, configuration.Voters);
        WriteSet(into, configuration.Outgoing);
        WriteSet(into, configuration.Learners);
        WriteSet(into, configuration.LearnersNext);
    }

    /// <summary>Reads a whole payload; false if it is anything but exactly one configuration.</summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, out Configuration configuration)
    {
        configuration = new Configuration();
        if (payload.Length < 2 || payload[0] != Version || payload[1] > 1)
            return false;
        var autoLeave = payload[1] == 1;
        payload = payload[2..];
        if (!TryReadSet(ref payload, out var voters) || !TryReadSet(ref payload, out var outgoing) || !TryReadSet(ref payload, out var learners)
            || !TryReadSet(ref payload, out var learnersNext) || payload.Length > 0)
            return false;
        configuration = new Configuration { Voters = voters, Outgoing = outgoing, Learners = learners, LearnersNext = learnersNext, AutoLeave = autoLeave };
        return true;
    }

    /// <summary>Reads the payload of a log entry, which was checked when it was made.</summary>
    internal static Configuration Read(LogEntry entry)
    {
        var valid = TryRead(entry.Payload.Span, out var configuration);
        Invariant.That(valid, $"entry {entry.Index} of term {entry.Term} is no configuration");
        return configuration;
    }

    private static void WriteSet(PooledBuffer into, IReadOnlyList<ulong> nodes)
    {
        var size = 2 + (nodes.Count * 8);
        var span = into.GetSpan(size);
        BinaryPrimitives.WriteUInt16LittleEndian(span, checked((ushort)nodes.Count));
        for (var i = 0; i < nodes.Count; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(span[(2 + (i * 8))..], nodes[i]);
        into.Advance(size);
    }

    // Sets are strictly ascending: the encoding of a configuration is unique.
    private static bool TryReadSet(ref ReadOnlySpan<byte> from, out ulong[] nodes)
    {
        nodes = [];
        if (from.Length < 2)
            return false;
        var count = BinaryPrimitives.ReadUInt16LittleEndian(from);
        if (from.Length < 2 + (count * 8))
            return false;
        nodes = new ulong[count];
        for (var i = 0; i < count; i++)
        {
            nodes[i] = BinaryPrimitives.ReadUInt64LittleEndian(from[(2 + (i * 8))..]);
            if (nodes[i] == 0 || (i > 0 && nodes[i] <= nodes[i - 1]))
                return false;
        }

        from = from[(2 + (count * 8))..];
        return true;
    }
}
