namespace RaftKv.Engine.State;

/// <summary>What is true of a kind of command, whatever its operands.</summary>
public static class CommandKinds
{
    /// <summary>Whether commands of a kind change nothing, so that they may run as queries.</summary>
    public static bool IsReadOnly(this CommandKind kind) => kind is CommandKind.Get or CommandKind.Scan or CommandKind.Count or CommandKind.KeyAt;

    /// <summary>Whether a command may change more than one record, so that readers beside the applying thread could see it half done.</summary>
    public static bool ChangesSeveral(this CommandKind kind) =>
        kind is CommandKind.Batch or CommandKind.Delete or CommandKind.Rename or CommandKind.Clear or CommandKind.ExpireDue;

    /// <summary>Whether a command of this kind may be applied on a disk that is about to be full: it removes, which is how space comes back, or is what a client needs to do so.</summary>
    public static bool NeedsNoSpace(this CommandKind kind) => kind
        is CommandKind.Delete or CommandKind.GetDelete or CommandKind.Clear or CommandKind.ExpireDue or CommandKind.OpenSession or CommandKind.ResolveOutcome;
}
