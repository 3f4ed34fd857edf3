using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store.Checkpoints;
using RaftKv.Engine.Store.Faster;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Log;
using RaftKv.Engine.Wal.Write;
using RaftKv.Server.Cli;
using RaftKv.Server.Http;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>Inputs that once ended in an exception nobody had named, in their smallest form.</summary>
public class KeptInputTests
{
    private static readonly FasterStoreOptions Small = new()
    {
        PageBytes = 16 << 10, MemoryBytes = 64 << 10, SegmentBytes = 32 << 10, IndexBytes = 4 << 10, Readers = 1, Synchronous = true,
    };

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(-1)]
    [InlineData(1_000)]
    public void A_manifest_with_a_right_checksum_whose_lengths_reach_past_its_end_is_not_whole(int length)
    {
        var files = new SimulatedFileSystem();
        files.CreateDirectory("/store");
        new StoreManifest { PageBytes = Small.PageBytes, SegmentBytes = Small.SegmentBytes, Sequence = 7 }.Save(files, "/store");
        var path = Path.Combine("/store", files.List("/store").Single());
        var content = files.ReadAll(path);
        // The last length, that of the last block, stands right before the checksum.
        BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(content.Length - 8), length);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(content.Length - 4), Crc32C.Compute(content.AsSpan(..^4)));
        using (var file = files.Open(path, OpenMode.Existing))
            file.Write(0, content);
        Assert.Null(StoreManifest.TryLoad(files, "/store", 7));
    }

    [Fact]
    public void A_file_that_is_only_called_like_a_manifest_is_not_looked_at()
    {
        var files = new SimulatedFileSystem();
        FasterStateStore.Open(files, "/store", Small).Dispose();
        foreach (var name in (string[])["manifest-", "manifest-1.bak", "manifest-old", "manifest-+0000000000000000001", "manifest-1"])
            files.Open($"/store/{name}", OpenMode.CreateNew).Dispose();
        using var store = FasterStateStore.Open(files, "/store", Small);
        Assert.Empty(store.Groups);
    }

    [Fact]
    public void An_entry_further_from_its_neighbour_than_the_log_has_room_for_is_damage()
    {
        var identity = new WalIdentity(new Guid("6f1c2a52-7a3e-4f6a-9d5c-2b1f0e8d4c3b"), 2);
        var options = new WalOptions { SegmentSize = 8192, FirstSegmentSize = 8192 };
        var files = new SimulatedFileSystem();
        var log = WriteAheadLog.Open(files, "/wal", options, identity);
        var batch = new WalBatch();
        batch.AppendEntry(1, 1, 1, 0, 0, "one"u8);
        batch.AppendEntry(1, 2, 1, 0, 0, "two"u8);
        log.Write(batch);
        log.Seal();

        var path = $"/wal/{SegmentHeader.FileName(1)}";
        var content = files.ReadAll(path);
        var frame = content.AsSpan(SegmentHeader.Size);
        var body = frame.Slice(FrameHeader.Size, BinaryPrimitives.ReadInt32LittleEndian(frame[32..]));
        var second = body[(int)WalRecord.SizeOf(3)..];
        BinaryPrimitives.WriteUInt64LittleEndian(second[16..], 500_000_000);
        BinaryPrimitives.WriteUInt32LittleEndian(second, Crc32C.Compute(second[4..(WalRecord.HeadSize + 3)]));
        BinaryPrimitives.WriteUInt32LittleEndian(frame[40..], Crc32C.Compute(body));
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], Crc32C.Append(SegmentHeader.Seed(identity, 1), frame[8..FrameHeader.Size]));
        using (var file = files.Open(path, OpenMode.Existing))
            file.Write(0, content);
        Assert.Contains("makes no sense", Assert.Throws<WalDamagedException>(() => WriteAheadLog.Open(files, "/wal", options, identity)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'{', (byte)'"', 0xff, (byte)'"', (byte)':', (byte)'1', (byte)'}' })]
    [InlineData(new byte[] { (byte)'{', (byte)'"', (byte)'i', (byte)'d', (byte)'"', (byte)':', (byte)'"', 0xc3, (byte)'"', (byte)'}' })]
    public void A_configuration_file_with_bytes_that_are_no_text_is_refused_by_name(byte[] content)
    {
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, content);
        Assert.Equal($"{path}: a text in it is not valid UTF-8", Assert.Throws<CommandLineException>(() => ServeSettings.Load(path)).Message);
        File.Delete(path);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"nodes":[],"defaultGroup":1,"groups":null}""")]
    [InlineData("""{"nodes":[null],"defaultGroup":1,"groups":[]}""")]
    [InlineData("""{"nodes":[],"defaultGroup":1,"groups":[{"id":1,"leader":null,"term":1,"commit":1,"applied":1,"learners":[]}]}""")]
    public void An_answer_that_leaves_something_out_is_not_a_description_of_a_cluster(string json) =>
        Assert.ThrowsAny<JsonException>(() => ClusterJson.Deserialize(Encoding.UTF8.GetBytes(json)));
}
