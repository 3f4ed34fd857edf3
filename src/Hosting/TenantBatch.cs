using System.Text;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Commands;

namespace RaftKv.Hosting;

/// <summary>
/// Writes that take effect together or not at all, under conditions on revisions: collected here, done by <see cref="Tenant.BatchAsync"/>. May be sent again, and after <see cref="Clear"/> filled again.
/// Not thread-safe; not to be touched while a BatchAsync with it runs.
/// </summary>
public sealed class TenantBatch : IDisposable
{
    private readonly PooledBuffer _buffer = new();
    private readonly PooledBuffer _command = new();
    private readonly CommandLimits _limits;
    private BatchBuilder _builder;

    internal TenantBatch(CommandLimits limits)
    {
        _limits = limits;
        _builder = new BatchBuilder(_buffer, allOrNothing: true);
    }

    /// <summary>Number of writes.</summary>
    public int Count => _builder.CommandCount;

    internal ReadOnlySpan<byte> Encoded => _buffer.Span;

    /// <summary>The batch is done only if the key has this revision, as an earlier read returned it; 0: only if it is absent. Conditions come before writes.</summary>
    /// <exception cref="ArgumentException">The key is too long.</exception>
    /// <exception cref="InvalidOperationException">The batch has a write already.</exception>
    public TenantBatch Require(ReadOnlyMemory<byte> key, ulong revision)
    {
        TenantChecks.Key(_limits, key.Length);
        _builder.AddCondition(key.Span, revision);
        return this;
    }

    /// <inheritdoc cref="Require(ReadOnlyMemory{byte}, ulong)"/>
    public TenantBatch Require(string key, ulong revision) => Require(Encoding.UTF8.GetBytes(key), revision);

    /// <summary>Writes a value. A <see cref="WriteOptions.Condition"/> that does not hold fails the whole batch as a command, not as a condition.</summary>
    /// <exception cref="ArgumentException">The key or value is too long, or an option out of range.</exception>
    public TenantBatch Put(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, WriteOptions options = default)
    {
        TenantChecks.Key(_limits, key.Length);
        TenantChecks.Value(_limits, value.Length);
        _command.Clear();
        PutCommand.Encode(_command, key.Span, value.Span, TenantChecks.Condition(options), expiry: TenantChecks.Expiry(options));
        _builder.Add(_command.Span);
        return this;
    }

    /// <inheritdoc cref="Put(ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, WriteOptions)"/>
    public TenantBatch Put(string key, string value, WriteOptions options = default) => Put(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), options);

    /// <summary>Removes a key; no failure if it is absent.</summary>
    /// <exception cref="ArgumentException">The key is too long.</exception>
    public TenantBatch Delete(ReadOnlyMemory<byte> key)
    {
        TenantChecks.Key(_limits, key.Length);
        _command.Clear();
        DeleteCommand.Encode(_command, key.Span);
        _builder.Add(_command.Span);
        return this;
    }

    /// <inheritdoc cref="Delete(ReadOnlyMemory{byte})"/>
    public TenantBatch Delete(string key) => Delete(Encoding.UTF8.GetBytes(key));

    /// <summary>Adds to a decimal 64-bit integer; an absent key counts as 0. A value that is none, or an overflow, fails the whole batch.</summary>
    /// <exception cref="ArgumentException">The key is too long.</exception>
    public TenantBatch Increment(ReadOnlyMemory<byte> key, long delta = 1)
    {
        TenantChecks.Key(_limits, key.Length);
        _command.Clear();
        IncrementCommand.Encode(_command, key.Span, delta);
        _builder.Add(_command.Span);
        return this;
    }

    /// <inheritdoc cref="Increment(ReadOnlyMemory{byte}, long)"/>
    public TenantBatch Increment(string key, long delta = 1) => Increment(Encoding.UTF8.GetBytes(key), delta);

    /// <summary>Forgets conditions and writes.</summary>
    public void Clear()
    {
        _buffer.Clear();
        _builder = new BatchBuilder(_buffer, allOrNothing: true);
    }

    /// <summary>Gives pooled memory back; the batch is not used after it.</summary>
    public void Dispose()
    {
        _buffer.Dispose();
        _command.Dispose();
    }
}
