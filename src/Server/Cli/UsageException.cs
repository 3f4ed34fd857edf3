namespace RaftKv.Server.Cli;

/// <summary>The command was not asked correctly; the message is one sentence that names the flag or field and what is allowed.</summary>
internal sealed class UsageException(string message) : Exception(message);
