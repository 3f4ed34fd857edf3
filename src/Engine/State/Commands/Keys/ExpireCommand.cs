using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Keys;

/// <summary>When an <see cref="ExpireCommand"/> takes effect, as Redis EXPIRE. Persisted in logs: numbers are never changed.</summary>
public enum ExpireCondition : byte
{
    /// <summary>Always.</summary>
    None = 0,

    /// <summary>Only if the key has no expiry.</summary>
    IfNone = 1,

    /// <summary>Only if the key has an expiry.</summary>
    IfSome = 2,

    /// <summary>Only if the time is later than the key's; a key without expiry counts as expiring never.</summary>
    IfLater = 3,

    /// <summary>Only if the time is earlier than the key's; a key without expiry counts as expiring never.</summary>
    IfEarlier = 4,

    /// <summary>Only if the key has an expiry and the time is earlier.</summary>
    IfSomeAndEarlier = 5,
}

/// <summary>
/// Sets a key's expiry time, or removes it. A time that state-machine time has reached removes the key. Result: Ok and 1 if something was changed, 0 if not (no such key, condition not met, nothing to remove).
/// Body: condition (1), expiry (not Keep), key (the rest).
/// </summary>
public readonly ref struct ExpireCommand
{
    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>The new expiry.</summary>
    public Expiry Expiry { get; private init; }

    /// <summary>When to set it.</summary>
    public ExpireCondition Condition { get; private init; }

    /// <summary>Appends the command to <paramref name="into"/>. <see cref="Expiry.None"/> makes the key persistent; <see cref="Expiry.Keep"/> is malformed.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> key, Expiry expiry, ExpireCondition condition = ExpireCondition.None)
    {
        into.WriteEnvelope(CommandKind.Expire);
        into.WriteByte((byte)condition);
        expiry.Write(into);
        into.Write(key);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out ExpireCommand command)
    {
        command = default;
        var reader = new ByteReader(body);
        if (!reader.TryReadByte(out var condition) || condition > (byte)ExpireCondition.IfSomeAndEarlier)
            return false;
        if (!Expiry.TryRead(ref reader, out var expiry) || expiry.Mode == ExpiryMode.Keep)
            return false;
        command = new ExpireCommand { Condition = (ExpireCondition)condition, Expiry = expiry, Key = reader.Rest };
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
        var value = context.Scratch;
        value.Clear();
        if (context.RefusesSize(Key.Length, 0))
            return;
        if (!context.TryRead(Key, value, out var before) || !Changes(context.Time, before.ExpireAt))
        {
            context.ReplyNumber(0);
            return;
        }
        context.Write(Key, Expiry, before, value.Span);
        context.ReplyNumber(1);
    }

    private bool Changes(long now, long current)
    {
        if (!Expiry.IsTime && current == 0)
            return false;
        var (before, after) = (current == 0 ? long.MaxValue : current, Expiry.IsTime ? Expiry.Resolve(now, current) : long.MaxValue);
        return Condition switch
        {
            ExpireCondition.IfNone => current == 0,
            ExpireCondition.IfSome => current != 0,
            ExpireCondition.IfLater => after > before,
            ExpireCondition.IfEarlier => after < before,
            ExpireCondition.IfSomeAndEarlier => current != 0 && after < before,
            _ => true,
        };
    }
}
