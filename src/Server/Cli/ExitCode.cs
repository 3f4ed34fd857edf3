namespace RaftKv.Server.Cli;

/// <summary>What the process says to whoever started it.</summary>
internal enum ExitCode
{
    /// <summary>Done, or stopped as asked.</summary>
    Done = 0,

    /// <summary>It failed while it ran.</summary>
    Failed = 1,

    /// <summary>A bad flag or file.</summary>
    Usage = 2,

    /// <summary>The node could not start: port, data directory, disk.</summary>
    CannotStart = 3,
}
