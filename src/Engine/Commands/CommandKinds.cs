namespace RaftKv.Engine.Commands;

/// <summary>What is true of a kind of command, whatever its operands.</summary>
public static class CommandKinds
{
    /// <summary>Whether a command of this kind may be applied on a disk that is about to be full: it removes, which is how space comes back, or is what a client needs to do so.</summary>
    public static bool NeedsNoSpace(this CommandKind kind) => kind
        is CommandKind.Delete or CommandKind.GetDelete or CommandKind.Clear or CommandKind.ExpireDue or CommandKind.OpenSession or CommandKind.ResolveOutcome;
}
