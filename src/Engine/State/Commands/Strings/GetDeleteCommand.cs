using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Strings;

/// <summary>Reads a record and removes it. Result: as <see cref="GetCommand"/>, of the record removed. Body: key.</summary>
public readonly ref struct GetDeleteCommand
{
    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> key)
    {
        into.WriteEnvelope(CommandKind.GetDelete);
        into.Write(key);
    }

    /// <summary>Reads a body; every body is well-formed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out GetDeleteCommand command)
    {
        command = new GetDeleteCommand { Key = body };
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
        if (context.RefusesSize(Key.Length, 0))
            return;
        context.Scratch.Clear();
        var found = context.TryRead(Key, context.Scratch, out var record);
        if (found)
            context.Remove(Key);
        GetCommand.Reply(context, found, record, context.Scratch.Span);
    }
}
