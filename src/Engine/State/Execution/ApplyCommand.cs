namespace RaftKv.Engine.State.Execution;

/// <summary>Reads the body of a command and, if it can be read, applies it; false, and nothing has happened, if it is malformed.</summary>
internal delegate bool ApplyCommand(CommandContext context, ReadOnlySpan<byte> body);
