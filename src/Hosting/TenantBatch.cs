using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Hosting.Requests;

namespace RaftKv.Hosting;

/// <summary>
/// Writes that take effect together or not at all, under conditions on revisions: collected here, done by <see cref="Tenant.BatchAsync"/>, which copies them. May be sent again, changed, or after
/// <see cref="Clear"/> filled again. For one thread at a time.
/// </summary>
/// <remarks>
/// A part that would make the batch longer than one command may be is refused with a <see cref="LimitExceededException"/>, and the batch stays as it was.
/// Every method throws <see cref="ObjectDisposedException"/> after <see cref="Dispose"/>, and <see cref="InvalidOperationException"/> when another thread is in one: pooled memory that two threads write,
/// or that is given back twice, would be somebody else's as well.
/// </remarks>
public sealed class TenantBatch : IDisposable
{
    private const int Free = 0;
    private const int InUse = 1;
    private const int Disposed = 2;

    /// <summary>Bytes beside a key or a command in an encoded batch, at most.</summary>
    private const int ConditionOverhead = 13;
    private const int CommandOverhead = 5;

    private readonly PooledBuffer _buffer = new();
    private readonly PooledBuffer _command = new();
    private readonly CommandLimits _limits;
    private BatchBuilder _builder;
    private int _conditions;
    private int _state;

    internal TenantBatch(CommandLimits limits)
    {
        _limits = limits;
        _builder = new BatchBuilder(_buffer, allOrNothing: true);
    }

    /// <summary>Number of writes.</summary>
    public int Count => _builder.CommandCount;

    /// <summary>The batch is done only if the key has this revision, as an earlier read returned it; 0: only if it is absent. Conditions come before writes.</summary>
    /// <exception cref="ArgumentException">The key is too long.</exception>
    /// <exception cref="InvalidOperationException">The batch has a write already.</exception>
    public TenantBatch Require(ReadOnlyMemory<byte> key, ulong revision)
    {
        TenantChecks.Key(_limits, key.Length);
        using var use = new Use(this);
        TenantChecks.Command(_buffer.Length + ConditionOverhead + key.Length);
        _builder.AddCondition(key.Span, revision);
        _conditions++;
        return this;
    }

    /// <inheritdoc cref="Require(ReadOnlyMemory{byte}, ulong)"/>
    public TenantBatch Require(string key, ulong revision) => Require(StrictText.Encode(key, nameof(key)), revision);

    /// <summary>Writes a value. A <see cref="WriteOptions.Condition"/> that does not hold fails the whole batch as a command, not as a condition.</summary>
    /// <exception cref="ArgumentException">The key or value is too long, or an option out of range.</exception>
    public TenantBatch Put(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, WriteOptions options = default)
    {
        TenantChecks.Key(_limits, key.Length);
        TenantChecks.Value(_limits, value.Length);
        TenantChecks.NoTimeout(options);
        var (condition, expiry) = (TenantChecks.Condition(options), TenantChecks.Expiry(options));
        using var use = new Use(this);
        _command.Clear();
        PutCommand.Encode(_command, key.Span, value.Span, condition, expiry: expiry);
        AddCommand();
        return this;
    }

    /// <inheritdoc cref="Put(ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, WriteOptions)"/>
    public TenantBatch Put(string key, string value, WriteOptions options = default) => Put(StrictText.Encode(key, nameof(key)), StrictText.Encode(value, nameof(value)), options);

    /// <summary>Removes a key; no failure if it is absent.</summary>
    /// <exception cref="ArgumentException">The key is too long.</exception>
    public TenantBatch Delete(ReadOnlyMemory<byte> key)
    {
        TenantChecks.Key(_limits, key.Length);
        using var use = new Use(this);
        _command.Clear();
        DeleteCommand.Encode(_command, key.Span);
        AddCommand();
        return this;
    }

    /// <inheritdoc cref="Delete(ReadOnlyMemory{byte})"/>
    public TenantBatch Delete(string key) => Delete(StrictText.Encode(key, nameof(key)));

    /// <summary>
    /// Adds to a decimal 64-bit integer; an absent key counts as 0. A value that is none, or an overflow, fails the whole batch.
    /// The expiry is kept unless <see cref="WriteOptions.ExpiresAfter"/> sets another.
    /// </summary>
    /// <exception cref="ArgumentException">The key is too long, or an option out of range or not one of an increment.</exception>
    public TenantBatch Increment(ReadOnlyMemory<byte> key, long delta = 1, WriteOptions options = default)
    {
        TenantChecks.Key(_limits, key.Length);
        TenantChecks.NoCondition(options);
        TenantChecks.NoTimeout(options);
        var expiry = TenantChecks.ExpiryOrKeep(options);
        using var use = new Use(this);
        _command.Clear();
        IncrementCommand.Encode(_command, key.Span, delta, expiry);
        AddCommand();
        return this;
    }

    /// <inheritdoc cref="Increment(ReadOnlyMemory{byte}, long, WriteOptions)"/>
    public TenantBatch Increment(string key, long delta = 1, WriteOptions options = default) => Increment(StrictText.Encode(key, nameof(key)), delta, options);

    /// <summary>Forgets conditions and writes.</summary>
    public void Clear()
    {
        using var use = new Use(this);
        _buffer.Clear();
        _builder = new BatchBuilder(_buffer, allOrNothing: true);
        _conditions = 0;
    }

    /// <summary>Gives pooled memory back; the batch is not used after it. May be called again.</summary>
    /// <exception cref="InvalidOperationException">Another thread uses the batch.</exception>
    public void Dispose()
    {
        var state = Interlocked.CompareExchange(ref _state, Disposed, Free);
        if (state == InUse)
            throw UsedTwice();
        if (state == Disposed)
            return;
        _buffer.Dispose();
        _command.Dispose();
    }

    /// <summary>Appends the encoded batch to a command's buffer.</summary>
    /// <exception cref="InvalidOperationException">It is empty, or used by another thread.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    internal void CopyTo(PooledBuffer command)
    {
        using var use = new Use(this);
        if (_builder.CommandCount == 0 && _conditions == 0)
            throw new InvalidOperationException("The batch is empty: it has neither conditions nor writes.");
        command.Write(_buffer.Span);
    }

    private void AddCommand()
    {
        // Looked at before it is copied: a batch that is refused its part is as it was, and takes no more memory than one that can be sent.
        TenantChecks.Command(_buffer.Length + CommandOverhead + _command.Length);
        _builder.Add(_command.Span);
    }

    private static InvalidOperationException UsedTwice() => new("The batch is in use by another thread: a batch belongs to one thread at a time.");

    /// <summary>Holds the batch for one call.</summary>
    private readonly ref struct Use
    {
        private readonly TenantBatch _batch;

        public Use(TenantBatch batch)
        {
            var state = Interlocked.CompareExchange(ref batch._state, InUse, Free);
            ObjectDisposedException.ThrowIf(state == TenantBatch.Disposed, batch);
            if (state == InUse)
                throw UsedTwice();
            _batch = batch;
        }

        public void Dispose() => Volatile.Write(ref _batch._state, Free);
    }
}
