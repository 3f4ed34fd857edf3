using Microsoft.Extensions.Logging;

namespace RaftKv.Consensus.Transport;

/// <summary>The transport's log lines.</summary>
internal static partial class TransportLog
{
    [LoggerMessage(1, LogLevel.Information, "listening for peers on {EndPoint}")]
    public static partial void Listening(ILogger logger, string endPoint);

    [LoggerMessage(2, LogLevel.Information, "connected to {Name} ({Remote})")]
    public static partial void Connected(ILogger logger, string name, string remote);

    [LoggerMessage(3, LogLevel.Warning, "lost the connection to {Name} ({Remote}): {Reason}")]
    public static partial void Disconnected(ILogger logger, string name, string remote, string reason);

    [LoggerMessage(4, LogLevel.Warning, "closed the connection with {Remote} before its handshake was complete: {Reason}")]
    public static partial void HandshakeFailed(ILogger logger, string remote, string reason);

    [LoggerMessage(5, LogLevel.Warning, "refused {Remote}: {Reason}")]
    public static partial void Refused(ILogger logger, string remote, string reason);

    [LoggerMessage(6, LogLevel.Error, "node {Peer} at {Remote} refuses this node: {Reason}")]
    public static partial void RefusedBy(ILogger logger, ulong peer, string remote, string reason);

    [LoggerMessage(7, LogLevel.Debug, "could not connect to node {Peer} at {Remote}: {Reason}")]
    public static partial void Unreachable(ILogger logger, ulong peer, string remote, string reason);

    [LoggerMessage(8, LogLevel.Error, "cannot accept connections for now, and goes on trying: {Reason}")]
    public static partial void AcceptFailed(ILogger logger, string reason);

    [LoggerMessage(10, LogLevel.Error, "dropped a frame of {Length} bytes for node {Peer}: at most {Limit} bytes are allowed")]
    public static partial void FrameTooLong(ILogger logger, ulong peer, int length, int limit);

    [LoggerMessage(11, LogLevel.Information, "{Name} ({Remote}) agrees on the cluster, which is founded once a majority of its nodes does")]
    public static partial void Agrees(ILogger logger, string name, string remote);

    [LoggerMessage(9, LogLevel.Information, "closed the connection to {Name} ({Remote}): this node is stopping, or the peer was removed")]
    public static partial void Stopped(ILogger logger, string name, string remote);

    [LoggerMessage(12, LogLevel.Information, "{Name} ({Remote}) stopped in order")]
    public static partial void PeerStopped(ILogger logger, string name, string remote);

    [LoggerMessage(13, LogLevel.Warning, "node {Peer} at {Remote} cannot be reached for {Milliseconds} ms, and is tried on: {Reason}")]
    public static partial void LongUnreachable(ILogger logger, ulong peer, string remote, long milliseconds, string reason);
}
