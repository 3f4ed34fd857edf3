using System.Buffers.Binary;
using RaftKv.Engine.Io;
using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Log;
using RaftKv.Engine.Wal.Write;
using RaftKv.Tests.Harness.Fuzz;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Harness.Wal;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>Segments of the log with bytes that nobody wrote. Some of them pass the checksums: whoever can write the disk can also compute one.</summary>
public class LogFuzzTests
{
    private const string Home = "/node/wal";

    private static readonly WalIdentity Identity = new(new Guid("6f1c2a52-7a3e-4f6a-9d5c-2b1f0e8d4c3b"), 2);
    private static readonly WalOptions Options = new() { SegmentSize = 8192, FirstSegmentSize = 8192, RewriteAboveBytes = 0, StepBytes = 4096, CreateIfMissing = false };
    private static readonly Lazy<SortedDictionary<string, byte[]>> Disk = new(Write);

    [Fact]
    public void Segments_are_replayed_or_refused() => Fuzzer.Run(Target(Options), 8_000);

    [Fact]
    public void Segments_of_a_log_opened_for_repair_are_replayed_or_refused() => Fuzzer.Run(Target(Options with { RepairFromPeers = true }), 4_000);

    private static FuzzTarget Target(WalOptions options)
    {
        var names = Disk.Value.Keys.ToList();
        return new FuzzTarget
        {
            Corpus = [.. names.Select((n, i) => (byte[])[(byte)i, .. Disk.Value[n]])],
            Read = bytes => bytes.Length > 0 && Open(options, names[bytes[0] % names.Count], bytes[1..]),
            Refusals = [typeof(WalDamagedException), typeof(ForeignDataException), typeof(UnsupportedFormatException)],
            Reseal = Reseal,
            FixedBytes = 2 << 20,
        };
    }

    private static bool Open(WalOptions options, string changed, byte[] content)
    {
        var files = new SimulatedFileSystem();
        files.CreateDirectory(Home);
        foreach (var (name, bytes) in Disk.Value)
        {
            using var file = files.Open($"{Home}/{name}", OpenMode.CreateNew);
            file.Write(0, name == changed ? content : bytes);
        }

        files.SyncDirectory(Home);
        var log = WriteAheadLog.Open(files, Home, options, Identity);
        if (log.Recovery.Damage.Count > 0)
            return false;
        // What opened can be read, and written to.
        WalModel.Describe(log);
        var batch = new WalBatch();
        batch.SetHardState(99, 1, 1);
        log.Write(batch);
        return true;
    }

    private static SortedDictionary<string, byte[]> Write()
    {
        var random = new SeededRandom(3);
        var files = new SimulatedFileSystem();
        var log = WriteAheadLog.Open(files, Home, Options with { CreateIfMissing = true }, Identity);
        var model = new WalModel();
        var script = new WalScript(random, groups: 4, maxPayload: 100);
        for (var i = 0; i < 24; i++)
        {
            var batch = new WalBatch();
            script.Fill(batch, model);
            if (!batch.IsEmpty)
                log.Write(batch);
        }

        log.Seal();
        log.PrepareSegments();
        var disk = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var name in files.List(Home))
            disk[name] = files.ReadAll($"{Home}/{name}");
        return disk;
    }

    /// <summary>Makes the checksums of the segment's header, of every record and of every frame right, as far as their lengths make sense.</summary>
    private static byte[] Reseal(byte[] input)
    {
        if (input.Length < 1 + SegmentHeader.Size)
            return input;
        byte[] output = [.. input];
        var number = Disk.Value.Keys.ElementAt(output[0] % Disk.Value.Count);
        if (!SegmentHeader.TryParseName(number, out var segment))
            return output;
        var content = output.AsSpan(1);
        BinaryPrimitives.WriteUInt32LittleEndian(content[48..], Crc32C.Compute(content[..48]));
        var seed = SegmentHeader.Seed(Identity, segment);
        var magic = BinaryPrimitives.ReadUInt32LittleEndian(Disk.Value.Values.First().AsSpan(SegmentHeader.Size));
        for (var at = SegmentHeader.Size; at + FrameHeader.Size <= content.Length; at += FrameHeader.Sector)
        {
            var frame = content[at..];
            if (BinaryPrimitives.ReadUInt32LittleEndian(frame) != magic)
                continue;
            var length = BinaryPrimitives.ReadInt32LittleEndian(frame[32..]);
            if (length < 0 || length > frame.Length - FrameHeader.Size)
                continue;
            var body = frame.Slice(FrameHeader.Size, length);
            ResealRecords(body);
            BinaryPrimitives.WriteUInt32LittleEndian(frame[40..], Crc32C.Compute(body));
            BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], Crc32C.Append(seed, frame[8..FrameHeader.Size]));
        }

        return output;
    }

    private static void ResealRecords(Span<byte> body)
    {
        while (body.Length >= WalRecord.HeadSize)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(body[4..]);
            if (length < 0 || WalRecord.SizeOf(length) > body.Length)
                return;
            BinaryPrimitives.WriteUInt32LittleEndian(body, Crc32C.Compute(body[4..(WalRecord.HeadSize + length)]));
            body = body[(int)WalRecord.SizeOf(length)..];
        }
    }
}
