using System.Runtime.CompilerServices;
using FASTER.core;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store.HybridLog;

namespace RaftKv.Engine.Store.Faster;

/// <summary>
/// A FASTER session that reads, with the buffers it needs; used by one thread at a time. A read of a record in memory allocates nothing; one that must go to disk waits for it here.
/// </summary>
internal sealed unsafe class StoreReader : IDisposable
{
    private readonly HybridLogDevice _device;
    private readonly FasterKV<SpanByte, SpanByte> _kv;
    private readonly ClientSession<SpanByte, SpanByte, Empty, ReadResult, Empty, StoreFunctions> _session;
    private readonly ReadResult _result = new();
    private byte[] _key = GC.AllocateUninitializedArray<byte>(512, pinned: true);

    public StoreReader(FasterKV<SpanByte, SpanByte> kv, HybridLogDevice device)
    {
        _kv = kv;
        _device = device;
        _session = kv.For(new StoreFunctions()).NewSession<StoreFunctions>();
    }

    /// <summary>Reads a key's record. The value is appended to <paramref name="value"/> unless that is null.</summary>
    public bool Read(SpaceId space, ReadOnlySpan<byte> key, PooledBuffer? value, out RecordHeader header)
    {
        var stored = SpanByte.FromPointer(PinKey(space, key), SpaceId.Size + key.Length);
        var input = default(Empty);
        var begin = _kv.Log.BeginAddress;
        while (true)
        {
            var result = Prepare(value);
            var status = _session.Read(ref stored, ref input, ref result);
            if (status.IsPending)
                Wait();
            if (_result.Found)
                break;

            // Compaction may have moved the record and cut the log below it between the look at the hash index and the look at the log.
            var now = _kv.Log.BeginAddress;
            if (now == begin)
                break;
            begin = now;
        }
        header = _result.Header;
        return _result.Found;
    }

    /// <summary>
    /// Whether a key's newest record, or its tombstone, is in memory. False for a key that was never written: only the disk can tell, where the hash index leads there.
    /// </summary>
    public bool IsInMemory(SpaceId space, ReadOnlySpan<byte> key)
    {
        var stored = SpanByte.FromPointer(PinKey(space, key), SpaceId.Size + key.Length);
        return SessionAccess<SpanByte, SpanByte, Empty, ReadResult, Empty, StoreFunctions>.ContainsKeyInMemory(_session, ref stored, out _, -1).Found;
    }

    /// <summary>Reads the record at an address that is known to hold one and is at or above the log's begin.</summary>
    public RecordHeader ReadAt(long address, PooledBuffer? value)
    {
        var options = default(ReadOptions);
        SetStartAddress(ref options, address);
        var input = default(Empty);
        var result = Prepare(value);
        var status = _session.ReadAtAddress(ref input, ref result, ref options);
        if (status.IsPending)
            Wait();
        _device.ThrowIfFailed();
        Invariant.That(_result.Found, $"no record at {address} of the store's log");
        return _result.Header;
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    /// <summary>The setter is internal in 2.6.5, though reading at an address is public and needs it.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_StartAddress")]
    private static extern void SetStartAddress(ref ReadOptions options, long value);

    private ReadResult Prepare(PooledBuffer? value)
    {
        _result.Value = value;
        _result.ValueStart = value?.Length ?? 0;
        _result.Found = false;
        _result.Header = default;
        return _result;
    }

    private void Wait()
    {
        _session.CompletePending(wait: true);
        _device.ThrowIfFailed();
    }

    private byte* PinKey(SpaceId space, ReadOnlySpan<byte> key)
    {
        if (SpaceId.Size + key.Length > _key.Length)
            _key = GC.AllocateUninitializedArray<byte>((SpaceId.Size + key.Length) * 2, pinned: true);
        space.Write(_key);
        key.CopyTo(_key.AsSpan(SpaceId.Size));
        return (byte*)Unsafe.AsPointer(ref _key[0]);
    }

    /// <summary>As generic as the type that is reached into: the runtime looks for a method of exactly this signature.</summary>
    private static class SessionAccess<TKey, TValue, TInput, TOutput, TContext, TFunctions>
        where TFunctions : IFunctions<TKey, TValue, TInput, TOutput, TContext>
    {
        /// <summary>Internal in 2.6.5 as well, and the only way to ask the hash index without starting a read from disk.</summary>
        [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "ContainsKeyInMemory")]
        public static extern Status ContainsKeyInMemory(ClientSession<TKey, TValue, TInput, TOutput, TContext, TFunctions> session, ref TKey key, out long logicalAddress, long fromAddress);
    }
}
