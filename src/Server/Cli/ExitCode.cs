namespace RaftKv.Server.Cli;

/// <summary>What the process' exit says. Numbers are never changed.</summary>
internal static class ExitCode
{
    /// <summary>Done, or stopped in order by SIGTERM or SIGINT.</summary>
    public const int Ok = 0;

    /// <summary>The node had to stop by itself: a failed disk, a broken invariant, an identity refused by its peers. Of a command sent to a node: it was refused.</summary>
    public const int Failed = 1;

    /// <summary>A flag or the configuration file is wrong; nothing was touched.</summary>
    public const int Usage = 2;

    /// <summary>The node could not start: a port that is used, a data directory that is foreign, damaged or in use.</summary>
    public const int CannotStart = 3;

    /// <summary>The endpoint that was asked does not answer.</summary>
    public const int Unreachable = 4;
}
