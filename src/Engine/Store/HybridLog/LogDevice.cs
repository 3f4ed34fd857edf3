using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using FASTER.core;
using RaftKv.Engine.Io;

namespace RaftKv.Engine.Store.HybridLog;

/// <summary>
/// FASTER's log device over <see cref="IFileSystem"/>, with a checksum for every block. Block n of the log, 4,096 bytes, is stored as those bytes and
/// the CRC32C of <c>n (8, little-endian)</c> and them (4): 4,100 bytes at <c>(n mod blocks per segment) * 4,100</c> of file <c>log.S</c>, so that rot, a misdirected write and a hole are all found when the block is read.
/// Writes run on the store's writer thread (inline without one), reads on the thread that asks.
/// </summary>
/// <remarks>
/// Invariant: bytes come back only from blocks whose checksum is right; the first block that is wrong, and the first failed write, set <see cref="Failure"/> for good.
/// Invariant: FASTER's own truncation deletes nothing; segments go when <see cref="RemoveBelow"/> says that no checkpoint needs them.
/// FASTER has no answer to a failed write: it would wait for it for ever; and an exception thrown through it leaves its epochs held. So whatever goes wrong is kept in <see cref="Failure"/>,
/// the operation is reported to FASTER as done, and the store refuses every later call with what was kept.
/// </remarks>
[SuppressMessage("Design", "CA1031", Justification = "nothing may be thrown through FASTER; what is caught is rethrown by every later call")]
internal sealed unsafe class LogDevice : StorageDeviceBase
{
    /// <summary>Bytes in a block: FASTER's unit of reading and writing. One page of the operating system's cache.</summary>
    public const int BlockSize = 4096;

    private const int StoredBlock = BlockSize + 4;
    private const int BlocksPerTransfer = 256;
    private const string Prefix = "log.";

    /// <summary>Space comes back when somebody makes some: often enough not to be noticed then, rarely enough to cost nothing.</summary>
    private static readonly TimeSpan RetryFullDisk = TimeSpan.FromMilliseconds(50);

    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly WorkerThread? _writer;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<int, Segment> _segments = [];
    private readonly byte[] _transfer = GC.AllocateUninitializedArray<byte>(BlocksPerTransfer * StoredBlock);
    private readonly long _segmentBytes;
    private readonly DiskReserve? _reserve;
    private long _end;
    private long _givenBack;
    private bool _directoryDirty;
    private readonly ManualResetEventSlim _closing = new();
    private Exception? _failure;
    private volatile bool _full;

    /// <summary>Opens the segments that are there.</summary>
    /// <param name="files">Where the files are.</param>
    /// <param name="directory">The directory of the segments.</param>
    /// <param name="segmentBytes">Bytes of log in a segment, a power of two.</param>
    /// <param name="writer">The thread that writes; null to write on the caller's thread.</param>
    /// <param name="reserve">What to let go when the disk is full; null for nothing.</param>
    public LogDevice(IFileSystem files, string directory, long segmentBytes, WorkerThread? writer, DiskReserve? reserve = null)
        : base(Path.Combine(directory, "log"), BlockSize, -1)
    {
        _files = files;
        _directory = directory;
        _segmentBytes = segmentBytes;
        _writer = writer;
        _reserve = reserve;
        foreach (var number in ListSegments(files, directory))
            _segments.Add(number, new Segment(files.Open(PathOf(number), OpenMode.Existing)));
    }

    /// <summary>Why nothing can be trusted any more; null while all is well.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Whether a write is waiting for space. The writer thread tries it again until it succeeds; nothing behind it is written meanwhile.</summary>
    public bool IsFull => _full;

    /// <summary>The log below this address has given its space back.</summary>
    public long GivenBack
    {
        get
        {
            lock (_gate)
                return _givenBack;
        }
    }

    /// <summary>The log below this address has been written; what lies above is in memory, and the next checkpoint writes it.</summary>
    public long WrittenEnd
    {
        get
        {
            lock (_gate)
                return _end;
        }
    }

    /// <summary>Lets a write that waits for space fail: the store is closing.</summary>
    public void StopRetrying() => _closing.Set();

    /// <summary>Numbers of the log segments in a directory, ascending.</summary>
    public static List<int> ListSegments(IFileSystem files, string directory) => files.List(directory)
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .Select(name => int.Parse(name.AsSpan(Prefix.Length), CultureInfo.InvariantCulture))
        .Order().ToList();

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
    public void Verify(long from, long to)
    {
        var stored = ArrayPool<byte>.Shared.Rent(BlocksPerTransfer * StoredBlock);
        try
        {
            while (from < to)
            {
                var blocks = (int)Math.Min(BlocksPerTransfer, (Math.Min(to, (from / _segmentBytes + 1) * _segmentBytes) - from) / BlockSize);
                ReadBlocks(from, blocks, stored, null);
                from += (long)blocks * BlockSize;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    /// <summary>The first bytes of the block that holds an address; none, without reading, for length 0.</summary>
    /// <exception cref="StoreDamagedException">The block is missing or its checksum is wrong.</exception>
    public byte[] ReadBlock(long address, int length)
    {
        var bytes = new byte[length];
        if (length == 0)
            return bytes;
        var stored = ArrayPool<byte>.Shared.Rent(StoredBlock);
        try
        {
            fixed (byte* target = bytes)
            {
                var sink = new BlockSink { Target = target, Length = length };
                ReadBlocks(address - address % BlockSize, 1, stored, &sink);
            }
            return bytes;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    /// <summary>Makes the log end at a block boundary: what was written beyond belongs to no checkpoint. Only before FASTER uses the device.</summary>
    public void CutAt(long end)
    {
        lock (_gate)
        {
            foreach (var number in _segments.Keys.Where(number => number * _segmentBytes >= end).ToList())
                Remove(number);
            if (_segments.TryGetValue((int)(end / _segmentBytes), out var last))
            {
                last.File.SetLength(end % _segmentBytes / BlockSize * StoredBlock);
                last.Dirty = true;
            }
            _end = end;
        }
        Sync();
    }

    /// <summary>Writes whole blocks on the caller's thread. Only before FASTER uses the device.</summary>
    public void WriteNow(long address, ReadOnlySpan<byte> blocks)
    {
        fixed (byte* source = blocks)
        {
            try
            {
                WriteBlocks((IntPtr)source, address, blocks.Length);
            }
            catch (DiskFullException) when (_reserve?.Release() == true)
            {
                WriteBlocks((IntPtr)source, address, blocks.Length);
            }
        }
    }

    /// <summary>Makes all finished writes durable.</summary>
    public void Sync()
    {
        List<Segment> dirty = [];
        bool directoryDirty;
        lock (_gate)
        {
            foreach (var segment in _segments.Values.Where(segment => segment.Dirty))
            {
                segment.Dirty = false;
                dirty.Add(segment);
            }
            directoryDirty = _directoryDirty;
            _directoryDirty = false;
        }
        try
        {
            foreach (var segment in dirty)
                segment.File.SyncData();
            if (directoryDirty)
                _files.SyncDirectory(_directory);
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
    public int RemoveBelow(long address)
    {
        lock (_gate)
        {
            var gone = _segments.Keys.Where(number => (number + 1) * _segmentBytes <= address).ToList();
            foreach (var number in gone)
                Remove(number);
            if (_segments.TryGetValue((int)(address / _segmentBytes), out var first))
                first.File.Deallocate(0, HoleBelow(address));
            _givenBack = Math.Max(_givenBack, address);
            return gone.Count;
        }
    }

    /// <summary>Bytes at the beginning of an address's segment that lie below it, in whole pages of the operating system.</summary>
    private long HoleBelow(long address) => address % _segmentBytes / BlockSize * StoredBlock / BlockSize * BlockSize;

    /// <summary>Bytes of all segments on disk, without what was given back.</summary>
    public long DiskBytes
    {
        get
        {
            lock (_gate)
                return _segments.Values.Sum(segment => segment.File.Length) - (_segments.ContainsKey((int)(_givenBack / _segmentBytes)) ? HoleBelow(_givenBack) : 0);
        }
    }

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
        var stored = ArrayPool<byte>.Shared.Rent(BlocksPerTransfer * StoredBlock);
        var destination = new Span<byte>((void*)destinationAddress, (int)readLength);
        uint error = 0;
        try
        {
            Invariant.That(address % BlockSize == 0, $"read of the log at {address} is not aligned");
            for (var done = 0; done < destination.Length;)
            {
                var take = Math.Min(destination.Length - done, BlocksPerTransfer * BlockSize);
                ReadForFaster(address + done, destination.Slice(done, take), stored);
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
        lock (_gate)
        {
            foreach (var segment in _segments.Values)
                segment.File.Dispose();
            _segments.Clear();
        }
        _closing.Dispose();
    }

    private string PathOf(int segment) => Path.Combine(_directory, Prefix + segment.ToString(CultureInfo.InvariantCulture));

    private static uint Checksum(long block, ReadOnlySpan<byte> data)
    {
        Span<byte> seed = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(seed, block);
        return Crc32C.Append(Crc32C.Compute(seed), data);
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
                WriteBlocks(source, address, bytes);
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

    /// <summary>
    /// Copies before it computes the checksum: readers may flip the lock bits of records in FASTER's pages while these are written, and checksum and bytes must agree.
    /// </summary>
    private void WriteBlocks(IntPtr source, long address, long bytes)
    {
        Invariant.That(address % BlockSize == 0 && bytes % BlockSize == 0, $"write of the log at {address}, {bytes} bytes, is not aligned");
        for (long done = 0; done < bytes;)
        {
            var at = address + done;
            var blocks = (int)Math.Min(BlocksPerTransfer, (bytes - done) / BlockSize);
            Invariant.That(at / _segmentBytes == (at + (long)blocks * BlockSize - 1) / _segmentBytes, $"write of the log at {at} crosses a segment");
            for (var i = 0; i < blocks; i++)
            {
                var stored = _transfer.AsSpan(i * StoredBlock, StoredBlock);
                new ReadOnlySpan<byte>((byte*)source + done + (long)i * BlockSize, BlockSize).CopyTo(stored);
                BinaryPrimitives.WriteUInt32LittleEndian(stored[BlockSize..], Checksum(at / BlockSize + i, stored[..BlockSize]));
            }
            var segment = SegmentFor((int)(at / _segmentBytes), create: true)!;
            try
            {
                segment.File.Write(at % _segmentBytes / BlockSize * StoredBlock, _transfer.AsSpan(0, blocks * StoredBlock));
            }
            finally
            {
                Release(segment);
            }
            done += (long)blocks * BlockSize;
            lock (_gate)
            {
                segment.Dirty = true;
                _end = Math.Max(_end, address + done);
            }
        }
    }

    /// <summary>As FASTER reads: a page may reach past the end of the log, where there is nothing; and a reader may be late for a segment that is gone, and will find out.</summary>
    private void ReadForFaster(long address, Span<byte> destination, byte[] stored)
    {
        long end;
        lock (_gate)
            end = _end;
        var blocks = (int)((Math.Min(end, address + destination.Length + BlockSize - 1) - address) / BlockSize);
        if (blocks > 0)
        {
            fixed (byte* target = destination)
            {
                var sink = new BlockSink { Target = target, Length = destination.Length };
                ReadBlocks(address, Math.Min(blocks, BlocksPerTransfer), stored, &sink);
            }
        }
        var have = Math.Max(0, blocks) * BlockSize;
        if (have < destination.Length)
            destination[have..].Clear();
    }

    private void ReadBlocks(long address, int blocks, byte[] stored, BlockSink* sink)
    {
        for (var done = 0; done < blocks;)
        {
            var at = address + (long)done * BlockSize;
            var inSegment = (int)Math.Min(blocks - done, (_segmentBytes - at % _segmentBytes) / BlockSize);
            var segment = SegmentFor((int)(at / _segmentBytes), create: false)
                ?? throw new StoreDamagedException($"segment {at / _segmentBytes} of the store's log is missing");
            try
            {
                var buffer = stored.AsSpan(0, inSegment * StoredBlock);
                var read = segment.File.Read(at % _segmentBytes / BlockSize * StoredBlock, buffer);
                for (var i = 0; i < inSegment; i++)
                {
                    var block = buffer.Slice(i * StoredBlock, StoredBlock);
                    if (read < (i + 1) * StoredBlock
                        || BinaryPrimitives.ReadUInt32LittleEndian(block[BlockSize..]) != Checksum(at / BlockSize + i, block[..BlockSize]))
                        throw new StoreDamagedException($"block {at / BlockSize + i} of the store's log is damaged");
                    if (sink is not null)
                        sink->Take((done + i) * BlockSize, block[..BlockSize]);
                }
            }
            finally
            {
                Release(segment);
            }
            done += inSegment;
        }
    }

    private Segment? SegmentFor(int number, bool create)
    {
        lock (_gate)
        {
            if (!_segments.TryGetValue(number, out var segment))
            {
                if (!create)
                    return null;
                segment = new Segment(_files.Open(PathOf(number), OpenMode.OpenOrCreate));
                _segments.Add(number, segment);
                _directoryDirty = true;
            }
            segment.Users++;
            return segment;
        }
    }

    private void Release(Segment segment)
    {
        lock (_gate)
        {
            if (--segment.Users == 0 && segment.Removed)
                segment.File.Dispose();
        }
    }

    /// <summary>Deletes a segment's name now and closes it when its last reader is done. The gate is held.</summary>
    private void Remove(int number)
    {
        _segments.Remove(number, out var segment);
        segment!.Removed = true;
        if (segment.Users == 0)
            segment.File.Dispose();
        _files.DeleteFile(PathOf(number));
        _directoryDirty = true;
    }

    private struct BlockSink
    {
        public byte* Target;
        public int Length;

        public readonly void Take(int offset, ReadOnlySpan<byte> block)
        {
            var wanted = Math.Min(block.Length, Length - offset);
            if (wanted > 0)
                block[..wanted].CopyTo(new Span<byte>(Target + offset, wanted));
        }
    }

    private sealed class Segment(IFile file)
    {
        public IFile File { get; } = file;

        public int Users { get; set; }

        public bool Dirty { get; set; }

        public bool Removed { get; set; }
    }
}
