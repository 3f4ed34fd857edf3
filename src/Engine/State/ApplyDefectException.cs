namespace RaftKv.Engine.State;

/// <summary>
/// An entry could not be applied because of a defect: not for its bytes, which are refused with a result, and not because the disk or the memory of this node failed.
/// The position stands before the entry, and nothing more may be applied behind it.
/// </summary>
/// <param name="message">What went wrong.</param>
/// <param name="inner">What was thrown, or null.</param>
/// <param name="isTakenBack">Whether the state is as it was before the entry. If not, it must not be read, saved or sent any more: a restart brings it back.</param>
public sealed class ApplyDefectException(string message, Exception? inner, bool isTakenBack) : Exception(message, inner)
{
    /// <summary>Whether the state is as it was before the entry.</summary>
    public bool IsTakenBack => isTakenBack;
}
