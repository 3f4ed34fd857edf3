using System.Buffers.Binary;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Io;
using RaftKv.Tests.Harness.Fuzz;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>The two small files that say who a node is and whom it has met.</summary>
public class NodeFileFuzzTests
{
    private const string Home = "/node";

    [Fact]
    public void Identities_are_read_or_refused() => Fuzzer.Run(
        new FuzzTarget { Corpus = [Identity("n1", final: true), Identity(new string('n', 64), final: true), Identity("n1", final: false)], Read = OpenDirectory, Refusals = [typeof(DataDirectoryException)], Reseal = Reseal },
        16_000);

    [Fact]
    public void Lists_of_peers_are_read_or_refused() => Fuzzer.Run(
        new FuzzTarget { Corpus = [Registry(1), Registry(2), Registry(31)], Read = OpenRegistry, Refusals = [typeof(InvalidDataException)], Reseal = Reseal, BytesPerByte = 32 },
        16_000);

    private static bool OpenDirectory(byte[] identity)
    {
        var files = new SimulatedFileSystem();
        files.CreateDirectory(Home);
        Put(files, $"{Home}/identity", identity);
        using var directory = DataDirectory.Open(files, new NoLocks(), Home, Request("n1"));
        // What it holds is believed if it is final; else it is this start's.
        Assert.Equal(directory.Created, !directory.Identity.IsFinal);
        return directory.Identity is { IsFinal: true, Name: "n1", Members: "n1,n2,n3" };
    }

    private static bool OpenRegistry(byte[] content)
    {
        var files = new SimulatedFileSystem();
        files.CreateDirectory(Home);
        Put(files, $"{Home}/peers", content);
        var registry = PeerRegistry.Open(files, $"{Home}/peers");
        // One that opens must go on remembering: whoever it took in comes back from the file as he was.
        registry.Check(1_000_000, "newcomer", 5);
        return PeerRegistry.Open(files, $"{Home}/peers").Check(1_000_000, "newcomer", 5) == PeerCheck.Accepted;
    }

    private static byte[] Identity(string name, bool final)
    {
        var files = new SimulatedFileSystem();
        using (var directory = DataDirectory.Open(files, new NoLocks(), Home, Request(name)))
        {
            if (final)
                directory.MakeFinal(directory.Identity with { IsFinal = true });
        }

        return files.ReadAll($"{Home}/identity");
    }

    private static byte[] Registry(int peers)
    {
        var files = new SimulatedFileSystem();
        files.CreateDirectory(Home);
        var registry = PeerRegistry.Open(files, $"{Home}/peers");
        for (ulong i = 1; i <= (ulong)peers; i++)
            registry.Check(i, $"node-{i}", 1000 + i);
        return files.ReadAll($"{Home}/peers");
    }

    private static DataDirectoryRequest Request(string name) => new() { Name = name, Cluster = 7, Number = 1, Members = $"{name},n2,n3", Stores = 2, FreshIncarnation = 99 };

    private static byte[] Reseal(byte[] content)
    {
        if (content.Length < 4)
            return content;
        byte[] output = [.. content];
        BinaryPrimitives.WriteUInt32LittleEndian(output.AsSpan(output.Length - 4), Crc32C.Compute(output.AsSpan(0, output.Length - 4)));
        return output;
    }

    private static void Put(SimulatedFileSystem files, string path, ReadOnlySpan<byte> content)
    {
        using var file = files.Open(path, OpenMode.CreateNew);
        file.Write(0, content);
    }

    private sealed class NoLocks : IFileLocks
    {
        public IDisposable? TryAcquire(string path) => new MemoryStream();
    }
}
