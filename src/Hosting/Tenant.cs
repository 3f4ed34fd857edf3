using System.Buffers;
using RaftKv.Consensus.Groups;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Hosting.Requests;

namespace RaftKv.Hosting;

/// <summary>
/// A tenant's keys: linearizable reads and writes, atomic batches, ordered scans, from any node. Keys and values are bytes; the string overloads use UTF-8. Thread-safe.
/// </summary>
/// <remarks>
/// <para>Every operation throws <see cref="ArgumentException"/>, at the call, for a key, value or option out of bounds and for a text that is not valid UTF-16;
/// its task ends with <see cref="UnavailableException"/> when it certainly had no effect. Before the node has started, operations wait for it until their deadline.</para>
/// <para>Every write ends with <see cref="OutcomeUnknownException"/> when its deadline passed after a leader may have taken it. RaftKv itself repeats a write until its deadline
/// where it must, and it takes effect at most once.</para>
/// <para>Tokens mean the same on every node, whoever leads: one that has fired before the call ends the operation with <see cref="OperationCanceledException"/> and without effect, a read too;
/// one that fires later ends the wait with the same exception, and a write may have taken effect, or still may.</para>
/// <para>Keys and values are copied before the method returns; the memory is the caller's again then. Await each returned task once, or take <c>AsTask()</c> to wait for it several times or to
/// block on it; a second await gets an <see cref="InvalidOperationException"/> and nobody else is harmed. Continuations run on the thread pool.</para>
/// <para>Whoever blocks holds a thread: the node receives from its peers on the thread pool of its process, so when all of that pool's threads are blocked, requests miss their deadlines by seconds and leaders
/// are lost. Await instead, or raise the least number of threads (<c>ThreadPool.SetMinThreads</c>) above that of the callers that block.</para>
/// </remarks>
public sealed partial class Tenant
{
    private readonly uint _group;
    private readonly CommandLimits _limits;
    private readonly TimeSpan _timeout;
    private readonly Func<PendingOperation<Entry?>, Entry?> _readEntry;
    private readonly Func<PendingOperation<EntryHeader?>, EntryHeader?> _readInto;
    private readonly Func<PendingOperation<Page>, Page> _readPage;
    private volatile IOperationExecutor _executor;

    internal Tenant(IOperationExecutor executor, uint group, CommandLimits limits, TimeSpan timeout)
    {
        _executor = executor;
        _group = group;
        _limits = limits;
        _timeout = timeout;
        (_readEntry, _readInto, _readPage) = (ReadEntry, ReadInto, ReadPage);
    }

    /// <summary>Writes a value.</summary>
    /// <returns>Whether it was written, and its revision.</returns>
    public ValueTask<PutResult> PutAsync(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, WriteOptions options = default, CancellationToken cancellationToken = default)
    {
        CheckKey(key);
        TenantChecks.Value(_limits, value.Length);
        var (condition, expiry) = (TenantChecks.Condition(options), TenantChecks.Expiry(options));
        var operation = Rent<PutResult>(OperationKind.Write, options.Timeout);
        PutCommand.Encode(operation.Command, key.Span, value.Span, condition, expiry: expiry);
        return operation.RunAsync(_executor, ReadPut, cancellationToken);
    }

    /// <inheritdoc cref="PutAsync(ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, WriteOptions, CancellationToken)"/>
    public ValueTask<PutResult> PutAsync(string key, string value, WriteOptions options = default, CancellationToken cancellationToken = default) =>
        PutAsync(StrictText.Encode(key, nameof(key)), StrictText.Encode(value, nameof(value)), options, cancellationToken);

    /// <summary>Reads a record. On the leader's node, while its lease holds, the store is read on the calling thread.</summary>
    /// <returns>The record, or null if the key is absent or has expired.</returns>
    public ValueTask<Entry?> GetAsync(ReadOnlyMemory<byte> key, ReadOptions options = default, CancellationToken cancellationToken = default)
    {
        CheckKey(key);
        var operation = Rent<Entry?>(TenantChecks.Kind(options.Consistency), options.Timeout);
        if (!TryGetLocal(operation, key.Span, cancellationToken, out var found, out var header))
        {
            GetCommand.Encode(operation.Command, key.Span);
            return operation.RunAsync(_executor, _readEntry, cancellationToken);
        }

        Entry? entry = found ? ToEntry(operation.Result.Span, header.Revision, header.ExpireAt) : null;
        operation.Return();
        return new ValueTask<Entry?>(entry);
    }

    /// <inheritdoc cref="GetAsync(ReadOnlyMemory{byte}, ReadOptions, CancellationToken)"/>
    public ValueTask<Entry?> GetAsync(string key, ReadOptions options = default, CancellationToken cancellationToken = default) =>
        GetAsync(StrictText.Encode(key, nameof(key)), options, cancellationToken);

    /// <summary>
    /// Reads a record into the caller's buffer: as <see cref="GetAsync(ReadOnlyMemory{byte}, ReadOptions, CancellationToken)"/>, without allocating.
    /// The buffer is written at the call, or when the task's result is asked for; what it throws, the caller gets.
    /// </summary>
    /// <returns>What is beside the value, or null if the key is absent or has expired; then nothing is written to <paramref name="value"/>.</returns>
    public ValueTask<EntryHeader?> GetAsync(ReadOnlyMemory<byte> key, IBufferWriter<byte> value, ReadOptions options = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(value);
        CheckKey(key);
        var operation = Rent<EntryHeader?>(TenantChecks.Kind(options.Consistency), options.Timeout);
        if (!TryGetLocal(operation, key.Span, cancellationToken, out var found, out var header))
        {
            GetCommand.Encode(operation.Command, key.Span);
            operation.Destination = value;
            return operation.RunAsync(_executor, _readInto, cancellationToken);
        }

        try
        {
            return new ValueTask<EntryHeader?>(found ? CopyTo(value, operation.Result.Span, header.Revision, header.ExpireAt) : null);
        }
        finally
        {
            operation.Return();
        }
    }

    /// <summary>Removes a key.</summary>
    /// <returns>Whether it was there.</returns>
    public ValueTask<bool> DeleteAsync(ReadOnlyMemory<byte> key, RequestOptions options = default, CancellationToken cancellationToken = default)
    {
        CheckKey(key);
        var operation = Rent<bool>(OperationKind.Write, options.Timeout);
        DeleteCommand.Encode(operation.Command, key.Span);
        return operation.RunAsync(_executor, ReadDeleted, cancellationToken);
    }

    /// <inheritdoc cref="DeleteAsync(ReadOnlyMemory{byte}, RequestOptions, CancellationToken)"/>
    public ValueTask<bool> DeleteAsync(string key, RequestOptions options = default, CancellationToken cancellationToken = default) =>
        DeleteAsync(StrictText.Encode(key, nameof(key)), options, cancellationToken);

    /// <summary>Adds to a decimal 64-bit integer, atomically; an absent key counts as 0. The expiry is kept unless <see cref="WriteOptions.ExpiresAfter"/> sets another.</summary>
    /// <returns>The new value.</returns>
    /// <exception cref="WrongValueException">The value is not an integer, or the sum out of range; nothing was changed.</exception>
    public ValueTask<long> IncrementAsync(ReadOnlyMemory<byte> key, long delta = 1, WriteOptions options = default, CancellationToken cancellationToken = default)
    {
        CheckKey(key);
        TenantChecks.NoCondition(options);
        var expiry = TenantChecks.ExpiryOrKeep(options);
        var operation = Rent<long>(OperationKind.Write, options.Timeout);
        IncrementCommand.Encode(operation.Command, key.Span, delta, expiry);
        return operation.RunAsync(_executor, ReadNumber, cancellationToken);
    }

    /// <inheritdoc cref="IncrementAsync(ReadOnlyMemory{byte}, long, WriteOptions, CancellationToken)"/>
    public ValueTask<long> IncrementAsync(string key, long delta = 1, WriteOptions options = default, CancellationToken cancellationToken = default) =>
        IncrementAsync(StrictText.Encode(key, nameof(key)), delta, options, cancellationToken);

    /// <summary>From now on operations go to another executor: the node has started.</summary>
    internal void Use(IOperationExecutor executor) => _executor = executor;

    private PendingOperation<T> Rent<T>(OperationKind kind, TimeSpan? timeout)
    {
        var wait = TenantChecks.Nanoseconds(timeout, _timeout);
        var operation = PendingOperation<T>.Rent();
        operation.Group = _group;
        operation.Kind = kind;
        operation.Deadline = _executor.Now + wait;
        return operation;
    }

    private bool TryGetLocal(Operation operation, ReadOnlySpan<byte> key, CancellationToken cancellationToken, out bool found, out RecordHeader header)
    {
        (found, header) = (false, default);
        return operation.Kind == OperationKind.Read && !cancellationToken.IsCancellationRequested && _executor.TryReadLocal(_group, key, operation.Result, out found, out header);
    }

    private void CheckKey(ReadOnlyMemory<byte> key) => TenantChecks.Key(_limits, key.Length);

    private static CommandResult ReadResult(Operation operation)
    {
        TenantChecks.Ended(operation);
        return new CommandResult(operation.Result.Span);
    }

    private static CommandResult ReadOk(Operation operation)
    {
        var result = ReadResult(operation);
        return result.Status == ResultStatus.Ok ? result : throw TenantChecks.Refused(result, operation.Request);
    }

    private static long ReadNumber(PendingOperation<long> operation) => ReadOk(operation).Number;

    private static bool ReadDeleted(PendingOperation<bool> operation) => ReadOk(operation).Number > 0;

    private static PutResult ReadPut(PendingOperation<PutResult> operation)
    {
        var result = ReadResult(operation);
        return result.Status is ResultStatus.Ok or ResultStatus.ConditionFailed
            ? new PutResult(result.Status == ResultStatus.Ok, result.Revision)
            : throw TenantChecks.Refused(result, operation.Request);
    }

    private Entry? ReadEntry(PendingOperation<Entry?> operation)
    {
        var result = ReadResult(operation);
        if (result.Status == ResultStatus.NotFound)
            return null;
        var record = ReadOk(operation);
        return ToEntry(record.Value, record.Revision, record.ExpireAt);
    }

    private EntryHeader? ReadInto(PendingOperation<EntryHeader?> operation)
    {
        var result = ReadResult(operation);
        if (result.Status == ResultStatus.NotFound)
            return null;
        var record = ReadOk(operation);
        return CopyTo(operation.Destination!, record.Value, record.Revision, record.ExpireAt);
    }

    private EntryHeader CopyTo(IBufferWriter<byte> destination, ReadOnlySpan<byte> value, ulong revision, long expireAt)
    {
        destination.Write(value);
        return new EntryHeader(value.Length, revision, ToTime(expireAt));
    }

    private Entry ToEntry(ReadOnlySpan<byte> value, ulong revision, long expireAt) => new(value.ToArray(), revision, ToTime(expireAt));

    // Beyond what a DateTimeOffset can say is as good as never.
    private DateTimeOffset? ToTime(long expireAt)
    {
        if (expireAt == 0)
            return null;
        var date = _executor.TimeOf(_group).ToWall(expireAt);
        return date > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? null : DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(date, 0));
    }
}
