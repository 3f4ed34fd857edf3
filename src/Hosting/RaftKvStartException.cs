namespace RaftKv.Hosting;

/// <summary>A node could not start; the message is one sentence for its operator.</summary>
public sealed class RaftKvStartException(string message, Exception? inner = null) : Exception(message, inner);
