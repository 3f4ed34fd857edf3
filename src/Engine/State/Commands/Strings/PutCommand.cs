using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Strings;

/// <summary>When a <see cref="PutCommand"/> writes. Persisted in logs: numbers are never changed.</summary>
public enum PutCondition : byte
{
    /// <summary>Always.</summary>
    None = 0,

    /// <summary>Only if the key is absent.</summary>
    IfAbsent = 1,

    /// <summary>Only if the key is there.</summary>
    IfPresent = 2,

    /// <summary>Only if the key's revision is the one given (0: the key is absent).</summary>
    IfRevision = 3,
}

/// <summary>
/// Writes a value. Result: Ok or ConditionFailed, the entry's revision; if the old value was asked for (whichever of the two it is): existed (1 byte), the old value.
/// Body: condition (1), [expected revision (8)], return-old flag (1), expiry, key (length, bytes), value (the rest).
/// </summary>
public readonly ref struct PutCommand
{
    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>The value.</summary>
    public ReadOnlySpan<byte> Value { get; private init; }

    /// <summary>When to write.</summary>
    public PutCondition Condition { get; private init; }

    /// <summary>For <see cref="PutCondition.IfRevision"/>.</summary>
    public ulong ExpectedRevision { get; private init; }

    /// <summary>What becomes of the expiry.</summary>
    public Expiry Expiry { get; private init; }

    /// <summary>Whether the result carries the value before.</summary>
    public bool ReturnOld { get; private init; }

    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(
        PooledBuffer into,
        ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> value,
        PutCondition condition = PutCondition.None,
        ulong expectedRevision = 0,
        Expiry expiry = default,
        bool returnOld = false)
    {
        into.WriteEnvelope(CommandKind.Put);
        into.WriteByte((byte)condition);
        if (condition == PutCondition.IfRevision)
            into.WriteUInt64(expectedRevision);
        into.WriteByte(returnOld ? (byte)1 : (byte)0);
        expiry.Write(into);
        into.WriteBytes(key);
        into.Write(value);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out PutCommand command)
    {
        command = default;
        var reader = new ByteReader(body);
        if (!reader.TryReadByte(out var condition) || condition > (byte)PutCondition.IfRevision)
            return false;
        var expected = 0UL;
        if (condition == (byte)PutCondition.IfRevision && !reader.TryReadUInt64(out expected))
            return false;
        if (!reader.TryReadByte(out var returnOld) || returnOld > 1 || !Expiry.TryRead(ref reader, out var expiry) || !reader.TryReadBytes(out var key))
            return false;
        command = new PutCommand
        {
            Key = key,
            Value = reader.Rest,
            Condition = (PutCondition)condition,
            ExpectedRevision = expected,
            Expiry = expiry,
            ReturnOld = returnOld == 1,
        };
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
        var before = default(Store.RecordHeader);
        var existed = false;
        context.Scratch.Clear();
        // The plain put, which is most of all writes, looks nothing up.
        if (ReturnOld)
            existed = context.TryRead(Key, context.Scratch, out before);
        else if (Condition != PutCondition.None || Expiry.Mode == ExpiryMode.Keep)
            existed = context.TryGetHeader(Key, out before);

        var holds = Condition switch
        {
            PutCondition.IfAbsent => !existed,
            PutCondition.IfPresent => existed,
            PutCondition.IfRevision => before.Revision == ExpectedRevision,
            _ => true,
        };
        if (holds)
            context.Write(Key, Expiry, before, Value);
        context.Reply(holds ? ResultStatus.Ok : ResultStatus.ConditionFailed);
        if (!ReturnOld)
            return;
        context.Result.WriteByte(existed ? (byte)1 : (byte)0);
        context.Result.Write(context.Scratch.Span);
    }
}
