using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using FASTER.core;
using RaftKv.Engine.Io;

namespace RaftKv.Engine.Store.HybridLog;

/// <summary>
/// The device under FASTER's hybrid log: hands what FASTER writes and reads to <see cref="HybridLogBlocks"/>, over the files of <see cref="HybridLogSegments"/>.
/// Writes run on the store's writer thread (inline without one), reads on the thread that asks.
/// </summary>
/// <remarks>
/// Invariant: bytes come back only from blocks whose checksum is right; the first block that is wrong, and the first failed write, set <see cref="Failure"/> for good.
/// Invariant: FASTER's own truncation deletes nothing; segments go when <see cref="RemoveBelow"/> says that no checkpoint needs them.
/// FASTER has no answer to a failed write: it would wait for it for ever; and an exception thrown through it leaves its epochs held. So whatever goes wrong is kept in <see cref="Failure"/>,
/// the operation is reported to FASTER as done, and the store refuses every later call with what was kept.
/// </remarks>
[SuppressMessage("Design", "CA1031", Justification = "nothing may be thrown through FASTER; what is caught is rethrown by every later call")]
internal sealed unsafe class HybridLogDevice : StorageDeviceBase
{
    /// <summary>Bytes in a block: FASTER's unit of reading and writing. One page of the operating system's cache.</summary>
    public const int BlockSize = HybridLogBlocks.BlockSize;

    /// <summary>Space comes back when somebody makes some: often enough not to be noticed then, rarely enough to cost nothing.</summary>
    private static readonly TimeSpan RetryFullDisk = TimeSpan.FromMilliseconds(50);

    private readonly HybridLogSegments _segments;
    private readonly HybridLogBlocks _blocks;
    private readonly WorkerThread? _writer;
    private readonly long _segmentBytes;
    private readonly DiskReserve? _reserve;
    private readonly ManualResetEventSlim _closing = new();
    private Exception? _failure;
    private volatile bool _full;

    /// <summary>Opens the segments that are there.</summary>
    /// <param name="files">Where the files are.</param>
    /// <param name="directory">The directory of the segments.</param>
    /// <param name="segmentBytes">Bytes of log in a segment, a power of two.</param>
    /// <param name="writer">The thread that writes; null to write on the caller's thread.</param>
    /// <param name="reserve">What to let go when the disk is full; null for nothing.</param>
    public HybridLogDevice(IFileSystem files, string directory, long segmentBytes, WorkerThread? writer, DiskReserve? reserve = null)
        : base(Path.Combine(directory, "log"), BlockSize, -1)
    {
        _segmentBytes = segmentBytes;
        _writer = writer;
        _reserve = reserve;
        _segments = new HybridLogSegments(files, directory, segmentBytes);
        _blocks = new HybridLogBlocks(_segments, segmentBytes);
    }

    /// <summary>Why nothing can be trusted any more; null while all is well.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Whether a write is waiting for space. The writer thread tries it again until it succeeds; nothing behind it is written meanwhile.</summary>
    public bool IsFull => _full;

    /// <summary>The log below this address has given its space back.</summary>
    public long GivenBack => _segments.GivenBack;

    /// <summary>The log below this address has been written; what lies above is in memory, and the next checkpoint writes it.</summary>
    public long WrittenEnd => _segments.WrittenEnd;

    /// <summary>Bytes of all segments on disk, without what was given back.</summary>
    public long DiskBytes => _segments.DiskBytes;

    /// <summary>Lets a write that waits for space fail: the store is closing.</summary>
    public void StopRetrying() => _closing.Set();

    /// <summary>Sets <see cref="Failure"/>, unless it is set already, and returns it.</summary>
    public Exception Fail(Exception cause)
    {
        var failure = cause is IOException and not (StoreDamagedException or StoreFailedException)
            ? new StoreFailedException("the store's disk failed: " + cause.Message, cause)
            : cause;
        return Interlocked.CompareExchange(ref _failure, failure, null) ?? failure;
    }

    /// <summary>Throws <see cref="Failure"/> if it is set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ThrowIfFailed()
    {
        if (Failure is { } failure)
            ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Reads every block of [<paramref name="from"/>, <paramref name="to"/>), both multiples of the block size.</summary>
    /// <exception cref="StoreDamagedException">A block is missing or its checksum is wrong.</exception>
    public void Verify(long from, long to) => _blocks.Verify(from, to);

    /// <summary>The first bytes of the block that holds an address; none, without reading, for length 0.</summary>
    /// <exception cref="StoreDamagedException">The block is missing or its checksum is wrong.</exception>
    public byte[] ReadBlock(long address, int length) => _blocks.ReadBlock(address, length);

    /// <summary>Makes the log end at a block boundary: what was written beyond belongs to no checkpoint. Only before FASTER uses the device.</summary>
    public void CutAt(long end)
    {
        _segments.CutAt(end);
        Sync();
    }

    /// <summary>Writes whole blocks on the caller's thread. Only before FASTER uses the device.</summary>
    public void WriteNow(long address, ReadOnlySpan<byte> blocks)
    {
        fixed (byte* source = blocks)
        {
            try
            {
                _blocks.Write((IntPtr)source, address, blocks.Length);
            }
            catch (DiskFullException) when (_reserve?.Release() == true)
            {
                _blocks.Write((IntPtr)source, address, blocks.Length);
            }
        }
    }

    /// <summary>Makes all finished writes durable.</summary>
    public void Sync()
    {
        try
        {
            _segments.Sync();
        }
        catch (Exception exception)
        {
            // Whatever the reason, a full disk included: which of the writes are on disk is unknown from here on.
            Fail(exception);
            throw;
        }
    }

    /// <summary>
    /// Gives back the space below an address that no checkpoint to be kept reaches below: deletes the segments that end there, and punches the first one that is left, so that space comes back
    /// long before a whole segment is garbage. Returns the number of segments deleted.
    /// </summary>
    public int RemoveBelow(long address) => _segments.RemoveBelow(address);

    /// <inheritdoc/>
    public override void WriteAsync(IntPtr sourceAddress, int segmentId, ulong destinationAddress, uint numBytesToWrite, DeviceIOCompletionCallback callback, object context)
    {
        var address = segmentId * _segmentBytes + (long)destinationAddress;
        if (_writer is null)
            WriteAndReport(sourceAddress, address, numBytesToWrite, callback, context);
        else
            _writer.Post(() => WriteAndReport(sourceAddress, address, numBytesToWrite, callback, context));
    }

    /// <inheritdoc/>
    public override void ReadAsync(int segmentId, ulong sourceAddress, IntPtr destinationAddress, uint readLength, DeviceIOCompletionCallback callback, object context)
    {
        var address = segmentId * _segmentBytes + (long)sourceAddress;
        var stored = ArrayPool<byte>.Shared.Rent(HybridLogBlocks.TransferBytes);
        var destination = new Span<byte>((void*)destinationAddress, (int)readLength);
        uint error = 0;
        try
        {
            Invariant.That(address % BlockSize == 0, $"read of the log at {address} is not aligned");
            for (var done = 0; done < destination.Length;)
            {
                var take = Math.Min(destination.Length - done, HybridLogBlocks.BlocksPerTransfer * BlockSize);
                _blocks.ReadForFaster(address + done, destination.Slice(done, take), stored);
                done += take;
            }
        }
        catch (Exception exception)
        {
            Fail(exception);
            destination.Clear();
            error = 1;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
        callback(error, readLength, context);
    }

    /// <inheritdoc/>
    public override void RemoveSegmentAsync(int segment, AsyncCallback callback, IAsyncResult result) => callback(result);

    /// <inheritdoc/>
    public override void Dispose()
    {
        _segments.Dispose();
        _closing.Dispose();
    }

    private void WriteAndReport(IntPtr source, long address, long bytes, DeviceIOCompletionCallback callback, object context)
    {
        try
        {
            if (Failure is null)
                WriteWhenThereIsSpace(source, address, bytes);
        }
        catch (Exception exception)
        {
            Fail(exception);
        }
        callback(0, (uint)bytes, context);
    }

    /// <summary>On the writer thread a full disk is waited for; a write that runs on the caller's thread cannot wait, and fails.</summary>
    private void WriteWhenThereIsSpace(IntPtr source, long address, long bytes)
    {
        while (true)
        {
            try
            {
                _blocks.Write(source, address, bytes);
                _full = false;
                return;
            }
            catch (DiskFullException) when (_reserve?.Release() == true)
            {
                // There is room now. What may still be written is up to the store.
            }
            catch (DiskFullException) when (_writer is not null && !_closing.IsSet)
            {
                _full = true;
                _closing.Wait(RetryFullDisk);
            }
        }
    }
}
