namespace RaftKv.Consensus.Transport;

/// <summary>What arrived is not what this protocol allows; the connection cannot go on. The message is the rest of a log line.</summary>
internal sealed class FrameException(string message) : Exception(message);
