using RaftKv.Consensus.Groups;

namespace RaftKv.Hosting;

/// <summary>What RaftKv throws for a request that did not end as asked. Conditions that did not hold are results, not exceptions.</summary>
public class RaftKvException(string message) : Exception(message);

/// <summary>
/// The request certainly had no effect and never will: no leader could take it in time, the node is overloaded or stopping, or the request was cancelled by settling its outcome.
/// Safe to repeat.
/// </summary>
public sealed class UnavailableException(string message) : RaftKvException(message);

/// <summary>
/// The deadline passed after the write may have reached a leader: it may have taken effect, or still may. <see cref="Tenant.GetOutcomeAsync"/> settles which.
/// </summary>
public sealed class OutcomeUnknownException(string message, RequestId request) : RaftKvException(message)
{
    /// <summary>Names the write: give it to <see cref="Tenant.GetOutcomeAsync"/>, from any node.</summary>
    public RequestId Request { get; } = request;
}

/// <summary>The key holds a value that the operation cannot work on, such as text to be incremented, or the result would be out of range. Nothing was changed.</summary>
public sealed class WrongValueException(string message) : RaftKvException(message);

/// <summary>
/// The request would have read, written or returned more than one request may, or is itself too long; the message names the limit and what it allows. Nothing was changed.
/// Split it into several.
/// </summary>
public sealed class LimitExceededException(string message) : RaftKvException(message);
