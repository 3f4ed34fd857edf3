using RaftKv.Consensus.Raft;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>The group's configuration as of the applied position, kept as a record of the state: an image or a checkpoint brings it along.</summary>
internal static class GroupConfigurationRecord
{
    private static ReadOnlySpan<byte> Key => "raft/configuration"u8;

    public static void Write(IGroupState state, ulong index, ReadOnlySpan<byte> encoded) =>
        state.Write(Keyspace.System, Key, new RecordHeader(index, 0), encoded);

    /// <summary>The recorded configuration, or <paramref name="initial"/> while none was ever applied.</summary>
    public static Configuration Read(IGroupState state, Configuration initial)
    {
        using var value = new PooledBuffer();
        if (!state.Read(Keyspace.System, Key, value, out _))
            return initial;
        return ConfigurationCodec.TryRead(value.Span, out var configuration)
            ? configuration
            : throw new InvalidDataException($"the configuration kept in the state of group {state.Group} is unreadable");
    }
}
