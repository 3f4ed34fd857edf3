using System.Text;

namespace RaftKv.Hosting;

/// <summary>What is known of a write.</summary>
public enum OutcomeKind
{
    /// <summary>Nothing can be said: it is too long ago, or its session has ended.</summary>
    Unknown = 0,

    /// <summary>It was applied, once, at <see cref="Outcome.Revision"/>.</summary>
    Committed = 1,

    /// <summary>It was not applied and never will be.</summary>
    NeverApplied = 2,
}
