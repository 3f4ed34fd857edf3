namespace RaftKv.Server.Resp.Protocol;

/// <summary>What <see cref="RespParser.Next"/> found.</summary>
internal enum RespParseStatus
{
    /// <summary>More bytes are needed.</summary>
    Incomplete,

    /// <summary>A whole command: <see cref="RespParser.Arguments"/>.</summary>
    Command,

    /// <summary>An empty line or array: nothing to do, nothing to answer.</summary>
    Empty,

    /// <summary>A command over a limit has been skipped: <see cref="RespParser.Problem"/> is to be answered, the connection goes on.</summary>
    Oversized,

    /// <summary>The bytes are not RESP: <see cref="RespParser.Problem"/> is to be answered, then the connection is closed.</summary>
    Error,
}
