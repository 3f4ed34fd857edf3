namespace RaftKv.Engine.State.Execution;

/// <summary>Runs a command of any kind that a batch may hold: what a batch, which knows no other command, is given to run its parts with.</summary>
internal delegate void CommandRunner(CommandContext context, CommandKind kind, ReadOnlySpan<byte> body);
