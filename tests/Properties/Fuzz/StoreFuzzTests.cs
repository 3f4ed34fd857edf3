using System.Buffers.Binary;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Checkpoints;
using RaftKv.Engine.Store.Faster;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Engine.Store.Memory;
using RaftKv.Engine.Store.Snapshots;
using RaftKv.Tests.Harness.Fuzz;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>Images that a leader sends, and the manifest by which a store is found again.</summary>
public class StoreFuzzTests
{
    private static readonly AppliedPosition End = new(40, 3, 9_000);

    private static readonly FasterStoreOptions Small = new()
    {
        PageBytes = 16 << 10, MemoryBytes = 64 << 10, SegmentBytes = 32 << 10, IndexBytes = 4 << 10, CompactionFloor = 64 << 10, ReserveBytes = 64 << 10, Readers = 1, Synchronous = true,
    };

    [Fact]
    public void Images_are_installed_or_refused() => Fuzzer.Run(
        new FuzzTarget { Corpus = [Image(0, 4096), Image(40, 300), Image(40, 1 << 20), Image(3, 16)], Read = Install, Refusals = [typeof(InvalidDataException)], Reseal = ResealImage, BytesPerByte = 64 },
        24_000);

    [Fact]
    public void Manifests_are_read_or_refused() => Fuzzer.Run(
        new FuzzTarget { Corpus = Manifests(4), Read = LoadManifest, Refusals = [typeof(StoreDamagedException)], Reseal = ResealEnd, FixedBytes = 128 << 10 },
        12_000);

    [Fact]
    public void A_store_with_a_changed_file_opens_or_is_refused()
    {
        var disk = Stores(out var files);
        Fuzzer.Run(
            new FuzzTarget
            {
                Corpus = [.. files.Select((f, i) => (byte[])[(byte)i, .. disk[f]])],
                Read = bytes => bytes.Length > 0 && OpenStore(disk, files[bytes[0] % files.Count], bytes[1..]),
                Refusals = [typeof(StoreDamagedException)],
                FixedBytes = 64 << 20,
            },
            150);
    }

    private static bool Install(byte[] image)
    {
        using var store = new MemoryStateStore();
        var group = store.Open(1);
        using var writer = group.BeginInstall();
        writer.Write(image);
        writer.Complete(End);
        Assert.Equal(End, group.Applied);
        return true;
    }

    private static byte[] Image(int records, int chunk)
    {
        using var store = new MemoryStateStore();
        var group = store.Open(1);
        Fill(group, records);
        group.CompleteEntry(End);
        using var reader = group.OpenSnapshot();
        using var image = new PooledBuffer();
        while (reader.ReadChunk(image, chunk))
        {
        }

        return image.Span.ToArray();
    }

    private static void Fill(IGroupState group, int records)
    {
        for (var i = 0; i < records; i++)
        {
            var key = System.Text.Encoding.ASCII.GetBytes($"key-{i:D4}");
            group.Write(i % 9 == 0 ? Keyspace.System : Keyspace.User, key, new RecordHeader((ulong)i + 1, i % 3 == 0 ? 5_000 + i : 0), new byte[i * 7 % 200]);
        }
    }

    /// <summary>Makes the checksum of every frame that is whole right.</summary>
    private static byte[] ResealImage(byte[] image)
    {
        byte[] output = [.. image];
        for (var at = 0; at + ImageFormat.FrameHeader <= output.Length;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(output.AsSpan(at));
            if (length < 0 || length > output.Length - at - ImageFormat.FrameHeader)
                break;
            BinaryPrimitives.WriteUInt32LittleEndian(output.AsSpan(at + 4), Crc32C.Compute(output.AsSpan(at + ImageFormat.FrameHeader, length)));
            at += ImageFormat.FrameHeader + length;
        }

        return output;
    }

    private static byte[] ResealEnd(byte[] content)
    {
        if (content.Length < 4)
            return content;
        byte[] output = [.. content];
        BinaryPrimitives.WriteUInt32LittleEndian(output.AsSpan(output.Length - 4), Crc32C.Compute(output.AsSpan(0, output.Length - 4)));
        return output;
    }

    private static bool LoadManifest(byte[] content)
    {
        var files = new SimulatedFileSystem();
        files.CreateDirectory("/store");
        Put(files, "/store/manifest-00000000000000000002", content);
        return StoreManifest.TryLoad(files, "/store", StoreManifest.List(files, "/store")[0]) is not null;
    }

    private static List<byte[]> Manifests(int count)
    {
        var manifests = new List<byte[]>();
        for (var i = 0; i < count; i++)
        {
            var files = new SimulatedFileSystem();
            files.CreateDirectory("/store");
            new StoreManifest
            {
                PageBytes = 16 << 10,
                SegmentBytes = 32 << 10,
                Sequence = 2,
                Tail = 5000 * i,
                Groups = [.. Enumerable.Range(1, i).Select(g => new ManifestGroup((uint)g, End, 1, 2))],
                Metadata = new byte[100 * i],
                LastBlock = new byte[30 * i],
            }.Save(files, "/store");
            manifests.Add(files.ReadAll("/store/manifest-00000000000000000002"));
        }

        return manifests;
    }

    /// <summary>The files of a store with a checkpoint.</summary>
    private static Dictionary<string, byte[]> Stores(out List<string> names)
    {
        var files = new SimulatedFileSystem();
        using (var store = FasterStateStore.Open(files, "/store", Small))
        {
            for (ulong index = 1; index <= 60; index++)
            {
                var group = store.Open((uint)(index % 2) + 1);
                group.Write(Keyspace.User, System.Text.Encoding.ASCII.GetBytes($"key-{index}"), new RecordHeader(index, 0), new byte[300]);
                group.CompleteEntry(new AppliedPosition(index, 1, 0));
            }

            Invariant.That(store.TryBeginCheckpoint(), "no checkpoint is under way");
            var wait = default(SpinWait);
            while (store.PollCheckpoint() is null)
                wait.SpinOnce();
        }

        names = [.. files.List("/store").Select(n => $"/store/{n}").Order(StringComparer.Ordinal)];
        return names.ToDictionary(n => n, files.ReadAll);
    }

    private static bool OpenStore(Dictionary<string, byte[]> disk, string changed, byte[] content)
    {
        var files = new SimulatedFileSystem();
        files.CreateDirectory("/store");
        foreach (var (name, bytes) in disk)
            Put(files, name, name == changed ? content : bytes);
        using var store = FasterStateStore.Open(files, "/store", Small);
        foreach (var group in store.Groups)
            store.Open(group).ComputeHash();
        return true;
    }

    private static void Put(SimulatedFileSystem files, string path, ReadOnlySpan<byte> content)
    {
        using var file = files.Open(path, OpenMode.CreateNew);
        file.Write(0, content);
        file.SyncData();
        files.SyncDirectory(Path.GetDirectoryName(path)!);
    }
}
