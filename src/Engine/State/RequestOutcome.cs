namespace RaftKv.Engine.State;

/// <summary>How a request named by session and sequence turned out. On the wire: numbers are never changed.</summary>
public enum RequestOutcome : byte
{
    /// <summary>It was applied; its status and revision are given.</summary>
    Applied = 0,

    /// <summary>It was not applied and never will be: should it still arrive, it ends as <see cref="ResultStatus.Cancelled"/>.</summary>
    NeverApplied = 1,
}
