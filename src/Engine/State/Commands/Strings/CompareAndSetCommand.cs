using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.State.Commands.Strings;

/// <summary>What <see cref="CompareAndSetCommand"/> expects to find: a value, or a revision (0: the key is absent).</summary>
public readonly ref struct Expectation
{
    private Expectation(bool byValue, ulong revision, ReadOnlySpan<byte> value)
    {
        IsValue = byValue;
        Revision = revision;
        Value = value;
    }

    /// <summary>The key is there with this value.</summary>
    public static Expectation OfValue(ReadOnlySpan<byte> value) => new(true, 0, value);

    /// <summary>The key is there with this revision.</summary>
    public static Expectation OfRevision(ulong revision) => new(false, revision, default);

    /// <summary>The key is absent.</summary>
    public static Expectation Absent => default;

    /// <summary>Whether a value is expected, not a revision.</summary>
    public bool IsValue { get; }

    /// <summary>The revision expected.</summary>
    public ulong Revision { get; }

    /// <summary>The value expected.</summary>
    public ReadOnlySpan<byte> Value { get; }
}

/// <summary>
/// Writes or removes a key if it is as expected. Result: Ok and the entry's revision; or ConditionFailed, the entry's revision, and what is there:
/// the current revision (8 bytes, 0: absent) and value (the rest).
/// Body: flags (1; bit 0: by value, bit 1: delete), expected revision (8) or value (length, bytes), key (length, bytes); unless delete: expiry, new value (the rest).
/// </summary>
public readonly ref struct CompareAndSetCommand
{
    private const byte ByValue = 1;
    private const byte DeleteFlag = 2;

    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>What must be there.</summary>
    public Expectation Expected { get; private init; }

    /// <summary>Whether to remove the key rather than write it.</summary>
    public bool Delete { get; private init; }

    /// <summary>The value to write.</summary>
    public ReadOnlySpan<byte> Value { get; private init; }

    /// <summary>What becomes of the expiry.</summary>
    public Expiry Expiry { get; private init; }

    /// <summary>Appends a command that writes <paramref name="value"/>.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> key, Expectation expected, ReadOnlySpan<byte> value, Expiry expiry = default)
    {
        EncodeHead(into, key, expected, 0);
        expiry.Write(into);
        into.Write(value);
    }

    /// <summary>Appends a command that removes the key.</summary>
    public static void EncodeDelete(PooledBuffer into, ReadOnlySpan<byte> key, Expectation expected) => EncodeHead(into, key, expected, DeleteFlag);

    private static void EncodeHead(PooledBuffer into, ReadOnlySpan<byte> key, Expectation expected, byte flags)
    {
        into.WriteEnvelope(CommandKind.CompareAndSet);
        into.WriteByte((byte)(flags | (expected.IsValue ? ByValue : 0)));
        if (expected.IsValue)
            into.WriteBytes(expected.Value);
        else
            into.WriteUInt64(expected.Revision);
        into.WriteBytes(key);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out CompareAndSetCommand command)
    {
        command = default;
        var reader = new ByteReader(body);
        if (!reader.TryReadByte(out var flags) || flags > (ByValue | DeleteFlag))
            return false;
        Expectation expected;
        if ((flags & ByValue) != 0)
        {
            if (!reader.TryReadBytes(out var value))
                return false;
            expected = Expectation.OfValue(value);
        }
        else
        {
            if (!reader.TryReadUInt64(out var revision))
                return false;
            expected = Expectation.OfRevision(revision);
        }
        if (!reader.TryReadBytes(out var key))
            return false;
        var delete = (flags & DeleteFlag) != 0;
        var expiry = Expiry.None;
        if (delete ? !reader.AtEnd : !Expiry.TryRead(ref reader, out expiry))
            return false;
        command = new CompareAndSetCommand { Key = key, Expected = expected, Delete = delete, Expiry = expiry, Value = reader.Rest };
        return true;
    }

    /// <summary>See <see cref="ApplyCommand"/>.</summary>
    internal static bool TryApply(CommandContext context, ReadOnlySpan<byte> body)
    {
        if (!TryRead(body, out var command))
            return false;
        command.Apply(context);
        return true;
    }

    internal void Apply(CommandContext context)
    {
        if (context.RefusesSize(Key.Length, Value.Length))
            return;
        context.Scratch.Clear();
        var existed = context.TryRead(Key, context.Scratch, out var before);
        if (Holds(existed, before, context.Scratch.Span))
        {
            if (Delete)
                context.Remove(Key);
            else
                context.Write(Key, Expiry, before, Value);
            context.Reply(ResultStatus.Ok);
            return;
        }
        context.Reply(ResultStatus.ConditionFailed);
        context.Result.WriteUInt64(before.Revision);
        context.Result.Write(context.Scratch.Span);
    }

    private bool Holds(bool existed, in RecordHeader before, ReadOnlySpan<byte> value) =>
        Expected.IsValue ? existed && value.SequenceEqual(Expected.Value) : before.Revision == Expected.Revision;
}
