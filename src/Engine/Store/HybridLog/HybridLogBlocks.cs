using System.Buffers;
using System.Buffers.Binary;
using RaftKv.Engine.Io;

namespace RaftKv.Engine.Store.HybridLog;

/// <summary>
/// The blocks of the hybrid log with their checksums. Block n of the log, 4,096 bytes, is stored as those bytes and the CRC32C of <c>n (8, little-endian)</c> and them (4): 4,100 bytes at
/// <c>(n mod blocks per segment) * 4,100</c> of its segment's file, so that rot, a misdirected write and a hole are all found when the block is read.
/// One thread writes; any thread reads.
/// </summary>
/// <remarks>Invariant: bytes come back only from blocks whose checksum is right.</remarks>
internal sealed unsafe class HybridLogBlocks(HybridLogSegments segments, long segmentBytes)
{
    /// <summary>Bytes in a block: FASTER's unit of reading and writing. One page of the operating system's cache.</summary>
    public const int BlockSize = 4096;

    /// <summary>Blocks that are read or written with one call.</summary>
    public const int BlocksPerTransfer = 256;

    /// <summary>Bytes that a transfer needs.</summary>
    public const int TransferBytes = BlocksPerTransfer * StoredBlock;

    private const int StoredBlock = BlockSize + 4;

    private readonly byte[] _transfer = GC.AllocateUninitializedArray<byte>(TransferBytes);

    /// <summary>Bytes of file that so many bytes of log take, blocks not full left out.</summary>
    public static long StoredLength(long bytes) => bytes / BlockSize * StoredBlock;

    /// <summary>Reads every block of [<paramref name="from"/>, <paramref name="to"/>), both multiples of the block size.</summary>
    /// <exception cref="StoreDamagedException">A block is missing or its checksum is wrong.</exception>
    public void Verify(long from, long to)
    {
        var stored = ArrayPool<byte>.Shared.Rent(TransferBytes);
        try
        {
            while (from < to)
            {
                var blocks = (int)Math.Min(BlocksPerTransfer, (Math.Min(to, (from / segmentBytes + 1) * segmentBytes) - from) / BlockSize);
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

    /// <summary>
    /// Writes whole blocks. Copies before it computes the checksum: readers may flip the lock bits of records in FASTER's pages while these are written, and checksum and bytes must agree.
    /// </summary>
    public void Write(IntPtr source, long address, long bytes)
    {
        Invariant.That(address % BlockSize == 0 && bytes % BlockSize == 0, $"write of the log at {address}, {bytes} bytes, is not aligned");
        for (long done = 0; done < bytes;)
        {
            var at = address + done;
            var blocks = (int)Math.Min(BlocksPerTransfer, (bytes - done) / BlockSize);
            Invariant.That(at / segmentBytes == (at + (long)blocks * BlockSize - 1) / segmentBytes, $"write of the log at {at} crosses a segment");
            for (var i = 0; i < blocks; i++)
            {
                var stored = _transfer.AsSpan(i * StoredBlock, StoredBlock);
                new ReadOnlySpan<byte>((byte*)source + done + (long)i * BlockSize, BlockSize).CopyTo(stored);
                BinaryPrimitives.WriteUInt32LittleEndian(stored[BlockSize..], Checksum(at / BlockSize + i, stored[..BlockSize]));
            }
            var segment = segments.Acquire((int)(at / segmentBytes), create: true)!;
            try
            {
                segment.File.Write(at % segmentBytes / BlockSize * StoredBlock, _transfer.AsSpan(0, blocks * StoredBlock));
            }
            finally
            {
                segments.Release(segment);
            }
            done += (long)blocks * BlockSize;
            segments.OnWritten(segment, address + done);
        }
    }

    /// <summary>As FASTER reads: a page may reach past the end of the log, where there is nothing; and a reader may be late for a segment that is gone, and will find out.</summary>
    public void ReadForFaster(long address, Span<byte> destination, byte[] stored)
    {
        var end = segments.WrittenEnd;
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
            var inSegment = (int)Math.Min(blocks - done, (segmentBytes - at % segmentBytes) / BlockSize);
            var segment = segments.Acquire((int)(at / segmentBytes), create: false)
                ?? throw new StoreDamagedException($"segment {at / segmentBytes} of the store's log is missing");
            try
            {
                var buffer = stored.AsSpan(0, inSegment * StoredBlock);
                var read = segment.File.Read(at % segmentBytes / BlockSize * StoredBlock, buffer);
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
                segments.Release(segment);
            }
            done += inSegment;
        }
    }

    private static uint Checksum(long block, ReadOnlySpan<byte> data)
    {
        Span<byte> seed = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(seed, block);
        return Crc32C.Append(Crc32C.Compute(seed), data);
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
}
