using System.Runtime.CompilerServices;
using System.Text;
using RaftKv.Consensus.Groups;
using RaftKv.Engine.Commands;

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
        CompareAsync(Encoding.UTF8.GetBytes(key), null, expectedRevision, Encoding.UTF8.GetBytes(value), options, cancellationToken);

    /// <summary>Writes a value if the key is there with the value expected.</summary>
    public ValueTask<CompareAndSetResult> CompareAndSetAsync(
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte> expectedValue,
        ReadOnlyMemory<byte> value,
        WriteOptions options = default,
        CancellationToken cancellationToken = default) =>
        CompareAsync(key, expectedValue, 0, value, options, cancellationToken);

    /// <inheritdoc cref="CompareAndSetAsync(ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, WriteOptions, CancellationToken)"/>
    public ValueTask<CompareAndSetResult> CompareAndSetAsync(string key, string expectedValue, string value, WriteOptions options = default, CancellationToken cancellationToken = default) =>
        CompareAsync(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(expectedValue), 0, Encoding.UTF8.GetBytes(value), options, cancellationToken);

    /// <summary>Removes a key if it has the revision that an earlier read returned.</summary>
    public ValueTask<CompareAndSetResult> CompareAndDeleteAsync(ReadOnlyMemory<byte> key, ulong expectedRevision, WriteOptions options = default, CancellationToken cancellationToken = default) =>
        CompareAsync(key, null, expectedRevision, null, options, cancellationToken);

    /// <inheritdoc cref="CompareAndDeleteAsync(ReadOnlyMemory{byte}, ulong, WriteOptions, CancellationToken)"/>
    public ValueTask<CompareAndSetResult> CompareAndDeleteAsync(string key, ulong expectedRevision, WriteOptions options = default, CancellationToken cancellationToken = default) =>
        CompareAsync(Encoding.UTF8.GetBytes(key), null, expectedRevision, null, options, cancellationToken);

    /// <summary>An empty batch for <see cref="BatchAsync"/>.</summary>
    public TenantBatch CreateBatch() => new(_limits);

    /// <summary>Does all writes of a batch, atomically, if all its conditions hold.</summary>
    /// <exception cref="WrongValueException">A write could not be done; nothing was changed.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<BatchOutcome> BatchAsync(TenantBatch batch, WriteOptions options = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var operation = Rent(OperationKind.Write, options.Timeout);
        try
        {
            operation.Command.Write(batch.Encoded);
            await operation.RunAsync(_executor, cancellationToken).ConfigureAwait(false);
            return ReadBatch(operation);
        }
        finally
        {
            operation.Release();
        }
    }

    /// <summary>
    /// Settles what became of a write whose outcome was unknown. If it has not been applied, it is cancelled: it never will be. Any node may be asked.
    /// </summary>
    /// <param name="request">From <see cref="OutcomeUnknownException.Request"/>.</param>
    /// <param name="options">The time that it may take.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ArgumentException">The request is of another group, or not one that can have been made.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Outcome> GetOutcomeAsync(RequestId request, WriteOptions options = default, CancellationToken cancellationToken = default)
    {
        if (request.Group != _group || request.Session == 0 || request.Sequence == 0)
            throw new ArgumentException($"Request {request} names no write of this tenant.", nameof(request));
        var operation = Rent(OperationKind.Write, options.Timeout);
        try
        {
            ResolveOutcomeCommand.Encode(operation.Command, request.Session, request.Sequence);
            await operation.RunAsync(_executor, cancellationToken).ConfigureAwait(false);
            return ReadOutcome(operation, request);
        }
        finally
        {
            operation.Release();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CompareAndSetResult> CompareAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? expectedValue, ulong expectedRevision, ReadOnlyMemory<byte>? value, WriteOptions options, CancellationToken cancellationToken)
    {
        CheckKey(key);
        TenantChecks.Value(_limits, Math.Max(value?.Length ?? 0, expectedValue?.Length ?? 0));
        var expiry = TenantChecks.Expiry(options);
        var operation = Rent(OperationKind.Write, options.Timeout);
        try
        {
            Encode(operation, key, expectedValue, expectedRevision, value, expiry);
            await operation.RunAsync(_executor, cancellationToken).ConfigureAwait(false);
            return ReadCompared(operation);
        }
        finally
        {
            operation.Release();
        }
    }

    private static void Encode(PendingOperation operation, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? expectedValue, ulong expectedRevision, ReadOnlyMemory<byte>? value, Expiry expiry)
    {
        var expected = expectedValue is { } bytes ? Expectation.OfValue(bytes.Span) : Expectation.OfRevision(expectedRevision);
        if (value is { } written)
            CompareAndSetCommand.Encode(operation.Command, key.Span, expected, written.Span, expiry);
        else
            CompareAndSetCommand.EncodeDelete(operation.Command, key.Span, expected);
    }

    private static CompareAndSetResult ReadCompared(PendingOperation operation)
    {
        var result = ReadResult(operation);
        return result.Status switch
        {
            ResultStatus.Ok => new CompareAndSetResult(true, result.Revision, default),
            ResultStatus.ConditionFailed => new CompareAndSetResult(false, result.CurrentRevision, result.CurrentValue.ToArray()),
            _ => throw TenantChecks.Refused(result, operation.Request),
        };
    }

    private static BatchOutcome ReadBatch(PendingOperation operation)
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

    private static Outcome ReadOutcome(PendingOperation operation, RequestId request)
    {
        var result = ReadResult(operation);
        return result.Status switch
        {
            ResultStatus.Ok when result.Outcome == RequestOutcome.Applied =>
                new Outcome(OutcomeKind.Committed, result.OutcomeRevision, result.OutcomeStatus == ResultStatus.Ok),
            ResultStatus.Ok => new Outcome(OutcomeKind.NeverApplied, 0, false),
            ResultStatus.Forgotten or ResultStatus.UnknownSession => new Outcome(OutcomeKind.Unknown, 0, false),
            ResultStatus.Malformed => throw new ArgumentException($"Request {request} is not one that can have been made.", nameof(request)),
            _ => throw TenantChecks.Refused(result, request),
        };
    }
}
