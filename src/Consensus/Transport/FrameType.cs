namespace RaftKv.Consensus.Transport;

/// <summary>What a frame is. On the wire: numbers are never changed.</summary>
internal enum FrameType : byte
{
    /// <summary>The dialler introduces itself: the first frame of a connection.</summary>
    Hello = 1,

    /// <summary>The accepting side introduces itself.</summary>
    Welcome = 2,

    /// <summary>The dialler has accepted the other side: the connection is up. Empty.</summary>
    Ready = 3,

    /// <summary>The sender will not talk to the receiver, and says why; then it closes.</summary>
    Refused = 4,

    /// <summary>A frame of the transport's user.</summary>
    Data = 16,

    /// <summary>Nothing to say, still alive. Empty.</summary>
    KeepAlive = 17,

    /// <summary>The sender stops in order: the connection is about to be closed, and nothing is wrong. Empty.</summary>
    Goodbye = 18,
}
