using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Machine;

/// <summary>One row for each kind of command: what is true of it, and how it is read and applied. Unknown kinds and unreadable bodies end as Malformed and change nothing.</summary>
public static class CommandTable
{
    private const CommandTraits Read = CommandTraits.ReadOnly | CommandTraits.Query | CommandTraits.InBatch;
    private const CommandTraits Write = CommandTraits.InBatch;

    private static readonly CommandRow[] Rows =
    [
        new(CommandKind.Put, Write, PutCommand.TryApply),
        new(CommandKind.Delete, Write | CommandTraits.ChangesSeveral | CommandTraits.NeedsNoSpace, DeleteCommand.TryApply),
        new(CommandKind.CompareAndSet, Write, CompareAndSetCommand.TryApply),
        new(CommandKind.Increment, Write, IncrementCommand.TryApply),
        new(CommandKind.IncrementFloat, Write, IncrementFloatCommand.TryApply),
        new(CommandKind.Append, Write, AppendCommand.TryApply),
        new(CommandKind.SetRange, Write, SetRangeCommand.TryApply),
        new(CommandKind.Expire, Write, ExpireCommand.TryApply),
        new(CommandKind.Rename, Write | CommandTraits.ChangesSeveral, RenameCommand.TryApply),
        new(CommandKind.Clear, Write | CommandTraits.ChangesSeveral | CommandTraits.NeedsNoSpace, ClearCommand.TryApply),
        new(CommandKind.Batch, CommandTraits.Query | CommandTraits.ChangesSeveral, static (context, body) => BatchCommand.TryApply(context, body, ApplyPart)),
        new(CommandKind.GetDelete, Write | CommandTraits.NeedsNoSpace, GetDeleteCommand.TryApply),
        new(CommandKind.GetExpire, Write, GetExpireCommand.TryApply),
        new(CommandKind.Get, Read, GetCommand.TryApply),
        new(CommandKind.Scan, Read, ScanCommand.TryApply),
        new(CommandKind.Count, Read, CountCommand.TryApply),
        new(CommandKind.KeyAt, Read, KeyAtCommand.TryApply),
        new(CommandKind.OpenSession, CommandTraits.NeedsNoSpace, null),
        new(CommandKind.ResolveOutcome, CommandTraits.NeedsNoSpace, null),
        new(CommandKind.ExpireDue, CommandTraits.ChangesSeveral | CommandTraits.NeedsNoSpace, ExpireDueCommand.TryApply),
        new(CommandKind.SkipEntry, CommandTraits.None, null),
    ];

    private static readonly CommandRow?[] ByKind = Index();

    /// <summary>Whether commands of a kind change nothing, so that they may run as queries.</summary>
    public static bool IsReadOnly(this CommandKind kind) => kind.Has(CommandTraits.ReadOnly);

    /// <summary>Whether an encoded command, envelope and all, only reads.</summary>
    public static bool IsReadOnly(ReadOnlySpan<byte> command) => CommandEnvelope.Kind(command).IsReadOnly();

    /// <summary>Whether a command of this kind may be applied on a disk that is about to be full.</summary>
    public static bool NeedsNoSpace(this CommandKind kind) => kind.Has(CommandTraits.NeedsNoSpace);

    /// <summary>Whether a kind is known.</summary>
    internal static bool Contains(CommandKind kind) => ByKind[(byte)kind] is not null;

    /// <summary>Whether a command may change more than one record.</summary>
    internal static bool ChangesSeveral(this CommandKind kind) => kind.Has(CommandTraits.ChangesSeveral);

    /// <summary>Runs any command but those of sessions.</summary>
    internal static void Apply(CommandContext context, CommandKind kind, ReadOnlySpan<byte> body) => Apply(context, ByKind[(byte)kind], body);

    /// <summary>Runs a command of those that a batch may hold.</summary>
    internal static void ApplyPart(CommandContext context, CommandKind kind, ReadOnlySpan<byte> body) =>
        Apply(context, kind.Has(CommandTraits.InBatch) ? ByKind[(byte)kind] : null, body);

    private static void Apply(CommandContext context, CommandRow? row, ReadOnlySpan<byte> body)
    {
        if (row?.Apply is not { } apply || !(context.MayWrite || (row.Traits & CommandTraits.Query) != 0) || !apply(context, body))
            context.Reply(ResultStatus.Malformed);
    }

    private static bool Has(this CommandKind kind, CommandTraits trait) => ByKind[(byte)kind] is { } row && (row.Traits & trait) != 0;

    private static CommandRow?[] Index()
    {
        var rows = new CommandRow?[byte.MaxValue + 1];
        foreach (var row in Rows)
        {
            Invariant.That(rows[(byte)row.Kind] is null, $"{row.Kind} has two rows");
            rows[(byte)row.Kind] = row;
        }

        return rows;
    }
}
