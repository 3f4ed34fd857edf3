using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using RaftKv.Consensus.Groups;
using RaftKv.Engine.Commands;
using RaftKv.Engine.Store;

namespace RaftKv.Hosting;

/// <summary>
/// A tenant's keys: linearizable reads and writes, atomic batches, ordered scans, from any node. Keys and values are bytes; the string overloads use UTF-8. Thread-safe.
/// </summary>
/// <remarks>
/// <para>Every operation throws <see cref="UnavailableException"/> when it certainly had no effect, <see cref="ArgumentException"/> for a key, value or option out of bounds, and
/// <see cref="OperationCanceledException"/> when its token fires. A token that fires before the operation is submitted prevents it; afterwards the caller merely stops waiting,
/// and a write may still take effect.</para>
/// <para>Every write throws <see cref="OutcomeUnknownException"/> when its deadline passed after a leader may have taken it. RaftKv itself repeats a write until its deadline
/// where it must, and it takes effect at most once.</para>
/// <para>Keys and values are copied before the method returns. Await each returned task once. Continuations run on the thread pool.</para>
/// </remarks>
public sealed partial class Tenant
{
    private readonly IOperationExecutor _executor;
    private readonly uint _group;
    private readonly CommandLimits _limits;
    private readonly TimeSpan _timeout;

    internal Tenant(IOperationExecutor executor, uint group, CommandLimits limits, TimeSpan timeout)
    {
        _executor = executor;
        _group = group;
        _limits = limits;
        _timeout = timeout;
    }

    /// <summary>Writes a value.</summary>
    /// <returns>Whether it was written, and its revision.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<PutResult> PutAsync(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, WriteOptions options = default, CancellationToken cancellationToken = default)
    {
        CheckKey(key);
        TenantChecks.Value(_limits, value.Length);
        var (condition, expiry) = (TenantChecks.Condition(options), TenantChecks.Expiry(options));
        var operation = Rent(OperationKind.Write, options.Timeout);
        try
        {
            PutCommand.Encode(operation.Command, key.Span, value.Span, condition, expiry: expiry);
            await operation.RunAsync(_executor, cancellationToken).ConfigureAwait(false);
            return ReadPut(operation);
        }
        finally
        {
            operation.Release();
        }
    }

    /// <inheritdoc cref="PutAsync(ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, WriteOptions, CancellationToken)"/>
    public ValueTask<PutResult> PutAsync(string key, string value, WriteOptions options = default, CancellationToken cancellationToken = default) =>
        PutAsync(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), options, cancellationToken);

    /// <summary>Reads a record. On the leader's node, while its lease holds, the store is read on the calling thread.</summary>
    /// <returns>The record, or null if the key is absent or has expired.</returns>
    public ValueTask<Entry?> GetAsync(ReadOnlyMemory<byte> key, ReadOptions options = default, CancellationToken cancellationToken = default)
    {
        CheckKey(key);
        var operation = Rent(options);
        if (!TryGetLocal(operation, key.Span, options, out var found, out var header))
            return FetchAsync(operation, key, cancellationToken);
        Entry? entry = found ? ToEntry(operation.Result.Span, header.Revision, header.ExpireAt) : null;
        operation.Release();
        return new ValueTask<Entry?>(entry);
    }

    /// <inheritdoc cref="GetAsync(ReadOnlyMemory{byte}, ReadOptions, CancellationToken)"/>
    public ValueTask<Entry?> GetAsync(string key, ReadOptions options = default, CancellationToken cancellationToken = default) =>
        GetAsync(Encoding.UTF8.GetBytes(key), options, cancellationToken);

    /// <summary>Reads a record into the caller's buffer: as <see cref="GetAsync(ReadOnlyMemory{byte}, ReadOptions, CancellationToken)"/>, without allocating.</summary>
    /// <returns>What is beside the value, or null if the key is absent or has expired; then nothing is written to <paramref name="value"/>.</returns>
    public ValueTask<EntryHeader?> GetAsync(ReadOnlyMemory<byte> key, IBufferWriter<byte> value, ReadOptions options = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(value);
        CheckKey(key);
        var operation = Rent(options);
        if (!TryGetLocal(operation, key.Span, options, out var found, out var header))
            return FetchAsync(operation, key, value, cancellationToken);
        EntryHeader? read = null;
        if (found)
        {
            value.Write(operation.Result.Span);
            read = new EntryHeader(operation.Result.Length, header.Revision, ToTime(header.ExpireAt));
        }
        operation.Release();
        return new ValueTask<EntryHeader?>(read);
    }

    /// <summary>Removes a key.</summary>
    /// <returns>Whether it was there.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> DeleteAsync(ReadOnlyMemory<byte> key, WriteOptions options = default, CancellationToken cancellationToken = default)
    {
        CheckKey(key);
        var operation = Rent(OperationKind.Write, options.Timeout);
        try
        {
            DeleteCommand.Encode(operation.Command, key.Span);
            await operation.RunAsync(_executor, cancellationToken).ConfigureAwait(false);
            return ReadNumber(operation) > 0;
        }
        finally
        {
            operation.Release();
        }
    }

    /// <inheritdoc cref="DeleteAsync(ReadOnlyMemory{byte}, WriteOptions, CancellationToken)"/>
    public ValueTask<bool> DeleteAsync(string key, WriteOptions options = default, CancellationToken cancellationToken = default) =>
        DeleteAsync(Encoding.UTF8.GetBytes(key), options, cancellationToken);

    /// <summary>Adds to a decimal 64-bit integer, atomically; an absent key counts as 0, the expiry is kept.</summary>
    /// <returns>The new value.</returns>
    /// <exception cref="WrongValueException">The value is not an integer, or the sum out of range; nothing was changed.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<long> IncrementAsync(ReadOnlyMemory<byte> key, long delta = 1, WriteOptions options = default, CancellationToken cancellationToken = default)
    {
        CheckKey(key);
        var operation = Rent(OperationKind.Write, options.Timeout);
        try
        {
            IncrementCommand.Encode(operation.Command, key.Span, delta);
            await operation.RunAsync(_executor, cancellationToken).ConfigureAwait(false);
            return ReadNumber(operation);
        }
        finally
        {
            operation.Release();
        }
    }

    /// <inheritdoc cref="IncrementAsync(ReadOnlyMemory{byte}, long, WriteOptions, CancellationToken)"/>
    public ValueTask<long> IncrementAsync(string key, long delta = 1, WriteOptions options = default, CancellationToken cancellationToken = default) =>
        IncrementAsync(Encoding.UTF8.GetBytes(key), delta, options, cancellationToken);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Entry?> FetchAsync(PendingOperation operation, ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        try
        {
            GetCommand.Encode(operation.Command, key.Span);
            await operation.RunAsync(_executor, cancellationToken).ConfigureAwait(false);
            return ReadEntry(operation);
        }
        finally
        {
            operation.Release();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<EntryHeader?> FetchAsync(PendingOperation operation, ReadOnlyMemory<byte> key, IBufferWriter<byte> value, CancellationToken cancellationToken)
    {
        try
        {
            GetCommand.Encode(operation.Command, key.Span);
            await operation.RunAsync(_executor, cancellationToken).ConfigureAwait(false);
            return ReadInto(operation, value);
        }
        finally
        {
            operation.Release();
        }
    }

    private PendingOperation Rent(OperationKind kind, TimeSpan? timeout)
    {
        var wait = TenantChecks.Nanoseconds(timeout, _timeout);
        var operation = PendingOperation.Rent();
        operation.Group = _group;
        operation.Kind = kind;
        operation.Deadline = _executor.Now + wait;
        return operation;
    }

    private PendingOperation Rent(in ReadOptions options) => Rent(KindOf(options.Consistency), options.Timeout);

    private static OperationKind KindOf(ReadConsistency consistency) => consistency == ReadConsistency.Stale ? OperationKind.StaleRead : OperationKind.Read;

    private bool TryGetLocal(PendingOperation operation, ReadOnlySpan<byte> key, in ReadOptions options, out bool found, out RecordHeader header)
    {
        (found, header) = (false, default);
        return options.Consistency == ReadConsistency.Linearizable && _executor.TryReadLocal(_group, key, operation.Result, out found, out header);
    }

    private void CheckKey(ReadOnlyMemory<byte> key) => TenantChecks.Key(_limits, key.Length);

    private static CommandResult ReadResult(PendingOperation operation)
    {
        TenantChecks.Ended(operation);
        return new CommandResult(operation.Result.Span);
    }

    private static CommandResult ReadOk(PendingOperation operation)
    {
        var result = ReadResult(operation);
        return result.Status == ResultStatus.Ok ? result : throw TenantChecks.Refused(result, operation.Request);
    }

    private static long ReadNumber(PendingOperation operation) => ReadOk(operation).Number;

    private static PutResult ReadPut(PendingOperation operation)
    {
        var result = ReadResult(operation);
        return result.Status is ResultStatus.Ok or ResultStatus.ConditionFailed
            ? new PutResult(result.Status == ResultStatus.Ok, result.Revision)
            : throw TenantChecks.Refused(result, operation.Request);
    }

    private static Entry? ReadEntry(PendingOperation operation)
    {
        var result = ReadResult(operation);
        if (result.Status == ResultStatus.NotFound)
            return null;
        var record = ReadOk(operation);
        return ToEntry(record.Value, record.Revision, record.ExpireAt);
    }

    private static EntryHeader? ReadInto(PendingOperation operation, IBufferWriter<byte> value)
    {
        var result = ReadResult(operation);
        if (result.Status == ResultStatus.NotFound)
            return null;
        var record = ReadOk(operation);
        value.Write(record.Value);
        return new EntryHeader(record.Value.Length, record.Revision, ToTime(record.ExpireAt));
    }

    private static Entry ToEntry(ReadOnlySpan<byte> value, ulong revision, long expireAt) => new(value.ToArray(), revision, ToTime(expireAt));

    // Beyond what a DateTimeOffset can say is as good as never.
    private static DateTimeOffset? ToTime(long expireAt) =>
        expireAt == 0 || expireAt > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? null : DateTimeOffset.FromUnixTimeMilliseconds(expireAt);
}
