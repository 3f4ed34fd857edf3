using RaftKv.Consensus.Groups;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Sessions;
using RaftKv.Hosting.Requests;

namespace RaftKv.Hosting;

/// <content>Conditional writes, batches, and what became of a write.</content>
public sealed partial class Tenant
{
    /// <summary>Writes a value if the key has the revision that an earlier read returned; 0: if it is absent.</summary>
    public ValueTask<CompareAndSetResult> CompareAndSetAsync(
        ReadOnlyMemory<byte> key,
        ulong expectedRevision,
        ReadOnlyMemory<byte> value,
        WriteOptions options = default,
        CancellationToken cancellationToken = default) =>
        CompareAsync(key, null, expectedRevision, value, options, cancellationToken);

    /// <inheritdoc cref="CompareAndSetAsync(ReadOnlyMemory{byte}, ulong, ReadOnlyMemory{byte}, WriteOptions, CancellationToken)"/>
    public ValueTask<CompareAndSetResult> CompareAndSetAsync(string key, ulong expectedRevision, string value, WriteOptions options = default, CancellationToken cancellationToken = default) =>
        CompareAsync(StrictText.Encode(key, nameof(key)), null, expectedRevision, StrictText.Encode(value, nameof(value)), options, cancellationToken);

    /// <summary>Writes a value if the key is there with the value expected.</summary>
    /// <exception cref="LimitExceededException">The two values together are longer than one command may be.</exception>
    public ValueTask<CompareAndSetResult> CompareAndSetAsync(
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> expectedValue,
        ReadOnlyMemory<byte> value,
        WriteOptions options = default,
        CancellationToken cancellationToken = default) =>
        CompareAsync(key, expectedValue, 0, value, options, cancellationToken);

    /// <inheritdoc cref="CompareAndSetAsync(ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, WriteOptions, CancellationToken)"/>
    public ValueTask<CompareAndSetResult> CompareAndSetAsync(string key, string expectedValue, string value, WriteOptions options = default, CancellationToken cancellationToken = default) =>
        CompareAsync(StrictText.Encode(key, nameof(key)), StrictText.Encode(expectedValue, nameof(expectedValue)), 0, StrictText.Encode(value, nameof(value)), options, cancellationToken);

    /// <summary>Removes a key if it has the revision that an earlier read returned.</summary>
    public ValueTask<CompareAndSetResult> CompareAndDeleteAsync(ReadOnlyMemory<byte> key, ulong expectedRevision, RequestOptions options = default, CancellationToken cancellationToken = default) =>
        CompareAsync(key, null, expectedRevision, null, new WriteOptions { Timeout = options.Timeout }, cancellationToken);

    /// <inheritdoc cref="CompareAndDeleteAsync(ReadOnlyMemory{byte}, ulong, RequestOptions, CancellationToken)"/>
    public ValueTask<CompareAndSetResult> CompareAndDeleteAsync(string key, ulong expectedRevision, RequestOptions options = default, CancellationToken cancellationToken = default) =>
        CompareAndDeleteAsync(StrictText.Encode(key, nameof(key)), expectedRevision, options, cancellationToken);

    /// <summary>An empty batch for <see cref="BatchAsync"/>.</summary>
    public TenantBatch CreateBatch() => new(_limits);

    /// <summary>Does all writes of a batch, atomically, if all its conditions hold. The batch is copied before the method returns: it may be changed, sent again or disposed from then on.</summary>
    /// <exception cref="InvalidOperationException">The batch is empty, or in use by another thread; nothing was done.</exception>
    /// <exception cref="ObjectDisposedException">The batch was disposed; nothing was done.</exception>
    /// <exception cref="WrongValueException">A write could not be done; nothing was changed.</exception>
    public ValueTask<BatchOutcome> BatchAsync(TenantBatch batch, RequestOptions options = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var operation = Rent<BatchOutcome>(OperationKind.Write, options.Timeout);
        try
        {
            batch.CopyTo(operation.Command);
        }
        catch
        {
            operation.Return();
            throw;
        }

        return operation.RunAsync(_executor, ReadBatch, cancellationToken);
    }

    /// <summary>
    /// Settles what became of a write whose outcome was unknown. If it has not been applied, it is cancelled: it never will be. Any node may be asked.
    /// </summary>
    /// <param name="request">From <see cref="OutcomeUnknownException.Request"/>.</param>
    /// <param name="options">The time that it may take.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ArgumentException">The request is of another group, or not one that can have been made.</exception>
    public ValueTask<Outcome> GetOutcomeAsync(RequestId request, RequestOptions options = default, CancellationToken cancellationToken = default)
    {
        if (request.Group != _group || request.Session == 0 || request.Sequence == 0)
            throw new ArgumentException($"Request {request} names no write of this tenant.", nameof(request));
        var operation = Rent<Outcome>(OperationKind.Write, options.Timeout);
        operation.About = request;
        ResolveOutcomeCommand.Encode(operation.Command, request.Session, request.Sequence);
        return operation.RunAsync(_executor, ReadOutcome, cancellationToken);
    }

    private ValueTask<CompareAndSetResult> CompareAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? expectedValue, ulong expectedRevision, ReadOnlyMemory<byte>? value, WriteOptions options, CancellationToken cancellationToken)
    {
        CheckKey(key);
        TenantChecks.Value(_limits, Math.Max(value?.Length ?? 0, expectedValue?.Length ?? 0));
        TenantChecks.NoCondition(options);
        var expiry = TenantChecks.Expiry(options);
        var operation = Rent<CompareAndSetResult>(OperationKind.Write, options.Timeout);
        var expected = expectedValue is { } bytes ? Expectation.OfValue(bytes.Span) : Expectation.OfRevision(expectedRevision);
        if (value is { } written)
            CompareAndSetCommand.Encode(operation.Command, key.Span, expected, written.Span, expiry);
        else
            CompareAndSetCommand.EncodeDelete(operation.Command, key.Span, expected);
        TenantChecks.Command(operation.Command.Length);
        return operation.RunAsync(_executor, ReadCompared, cancellationToken);
    }

    private static CompareAndSetResult ReadCompared(PendingOperation<CompareAndSetResult> operation)
    {
        var result = ReadResult(operation);
        return result.Status switch
        {
            ResultStatus.Ok => new CompareAndSetResult(true, result.Revision, default),
            ResultStatus.ConditionFailed => new CompareAndSetResult(false, result.CurrentRevision, result.CurrentValue.ToArray()),
            _ => throw TenantChecks.Refused(result, operation.Request),
        };
    }

    private static BatchOutcome ReadBatch(PendingOperation<BatchOutcome> operation)
    {
        var result = ReadResult(operation);
        if (result.Status == ResultStatus.Ok)
            return new BatchOutcome(true, result.Revision, -1);
        if (result.Status == ResultStatus.ConditionFailed && result.FailedOnCondition)
            return new BatchOutcome(false, result.FailedRevision, (int)result.FailedNumber);
        throw result.Status == ResultStatus.ConditionFailed
            ? new WrongValueException($"The condition of the batch's write number {result.FailedNumber} did not hold; nothing was changed.")
            : TenantChecks.Refused(result, operation.Request);
    }

    private static Outcome ReadOutcome(PendingOperation<Outcome> operation)
    {
        if (operation.Status == OperationStatus.OutcomeUnknown)
            throw new OutcomeUnknownException($"What became of write {operation.About} was not heard of ({operation.Reason}); ask again, the answer will be the same.", operation.About);
        var result = ReadResult(operation);
        return result.Status switch
        {
            ResultStatus.Ok when result.Outcome == RequestOutcome.Applied =>
                new Outcome(OutcomeKind.Committed, result.OutcomeRevision, result.OutcomeStatus == ResultStatus.Ok),
            ResultStatus.Ok => new Outcome(OutcomeKind.NeverApplied, 0, false),
            ResultStatus.Forgotten or ResultStatus.UnknownSession => new Outcome(OutcomeKind.Unknown, 0, false),
            ResultStatus.Malformed => throw new ArgumentException("The request is not one that can have been made: its number is far beyond any that its session has used."),
            _ => throw TenantChecks.Refused(result, operation.Request),
        };
    }
}
