namespace RaftKv.Server.Resp.Protocol;

/// <summary>How much one connection may ask for. What is over a limit is refused by name; nothing over a limit is ever buffered.</summary>
internal sealed record RespLimits
{
    /// <summary>Longest key.</summary>
    public int MaxKeyBytes { get; init; } = 64 << 10;

    /// <summary>Longest argument that is kept. Longer ones, up to <see cref="MaxBulkBytes"/>, are skipped as they arrive and the command is refused.</summary>
    public int MaxValueBytes { get; init; } = 16 << 20;

    /// <summary>Longest whole command that is kept; longer ones are skipped and refused. Room for one value of full size and its company.</summary>
    public int MaxCommandBytes { get; init; } = 17 << 20;

    /// <summary>An announced argument longer than this ends the connection, as Redis' proto-max-bulk-len does: skipping it would take for ever.</summary>
    public long MaxBulkBytes { get; init; } = 512L << 20;

    /// <summary>Most arguments of a command: Redis' own limit.</summary>
    public int MaxArguments { get; init; } = 1 << 20;

    /// <summary>Longest inline command, and longest line that announces a length.</summary>
    public int MaxLineBytes { get; init; } = 64 << 10;

    /// <summary>Operations that one connection may have under way; it is not read from while they are.</summary>
    public int MaxPendingOperations { get; init; } = 1024;

    /// <summary>Reply bytes after which they are sent before more commands are looked at.</summary>
    public int OutputHighWater { get; init; } = 64 << 10;

    /// <summary>Bytes of commands that one connection may have under way (one is always allowed).</summary>
    public long MaxPendingBytes { get; init; } = 32 << 20;

    /// <summary>Bytes of results that one connection may have waiting to be taken by its client; then no further command is begun, reads that were submitted already included.</summary>
    public long MaxReplyBytes { get; init; } = 16 << 20;

    /// <summary>The same for results of writes, which cannot be put off once they are applied: beyond it they are left out, and the outcome is answered as unknown. As many writes are begun as are expected to have room.</summary>
    public long MaxWriteReplyBytes { get; init; } = 64 << 20;

    /// <summary>Bytes of replies within one EXEC that come from the host, like COMMAND's.</summary>
    public int MaxImmediateBytes { get; init; } = 32 << 20;

    /// <summary>Keys that a connection may watch.</summary>
    public int MaxWatchedKeys { get; init; } = 16_384;

    /// <summary>Bytes of keys that a connection may watch.</summary>
    public int MaxWatchedBytes { get; init; } = 4 << 20;

    /// <summary>Time within which a command must have arrived as a whole, and a second more for so many bytes of it: <see cref="SlowestBytesPerSecond"/>.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <inheritdoc cref="CommandTimeout"/>
    public int SlowestBytesPerSecond { get; init; } = 16 << 10;

    /// <summary>Bytes that may be queued between MULTI and EXEC.</summary>
    public int MaxQueuedBytes { get; init; } = 16 << 20;
}
