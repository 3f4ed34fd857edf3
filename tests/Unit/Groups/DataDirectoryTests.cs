using RaftKv.Consensus.Groups;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

public sealed class DataDirectoryTests
{
    private readonly MemoryFiles _files = new();
    private readonly MemoryLocks _locks = new();

    [Fact]
    public void A_missing_directory_is_created_and_found_again_with_the_same_identity()
    {
        using (var created = Open())
        {
            Assert.True(created.Created);
            Assert.Equal((77UL, 1UL, "n1", 1000UL), (created.Identity.Cluster, created.Identity.Number, created.Identity.Name, created.Identity.Incarnation));
            Assert.Equal("/data/n1/store-3", created.StorePath(3));
        }

        using var opened = Open(Request() with { FreshIncarnation = 2000, Stores = 9 });
        Assert.False(opened.Created);
        Assert.Equal(1000UL, opened.Identity.Incarnation);
        Assert.Equal(4, opened.Stores);
    }

    [Fact]
    public void An_existing_directory_opens_without_knowing_cluster_and_number()
    {
        Open().Dispose();
        using var opened = Open(Request() with { Cluster = null, Number = null });
        Assert.Equal((77UL, 1UL), (opened.Identity.Cluster, opened.Identity.Number));
    }

    [Fact]
    public void An_empty_directory_needs_cluster_and_number()
    {
        AssertRefused(DataDirectoryProblem.Empty, "was not told", Request() with { Number = null });
        Assert.True(Open().Created);
    }

    [Fact]
    public void A_second_opening_is_refused_until_the_first_ends()
    {
        var first = Open();
        AssertRefused(DataDirectoryProblem.InUse, "in use by another process");
        first.Dispose();
        Open().Dispose();
    }

    [Fact]
    public void A_refusal_gives_the_lock_back()
    {
        Open().Dispose();
        AssertRefused(DataDirectoryProblem.OtherNode, "n1", Request() with { Name = "n2" });
        Open().Dispose();
    }

    [Fact]
    public void Another_clusters_directory_is_refused()
    {
        Open().Dispose();
        AssertRefused(DataDirectoryProblem.OtherCluster, "belongs to cluster 000000000000004d, not to cluster 000000000000004e", Request() with { Cluster = 78 });
    }

    [Fact]
    public void Another_nodes_directory_is_refused_by_name_and_by_number()
    {
        Open().Dispose();
        AssertRefused(DataDirectoryProblem.OtherNode, "belongs to node n1 (number 1), not to node n2 (number 1)", Request() with { Name = "n2" });
        AssertRefused(DataDirectoryProblem.OtherNode, "not to node n1 (number 2)", Request() with { Number = 2 });
    }

    [Fact]
    public void A_directory_with_foreign_content_is_refused_and_left_as_it_is()
    {
        _files.CreateDirectory("/data/n1");
        _files["/data/n1/holiday.jpg"] = [1, 2, 3];
        AssertRefused(DataDirectoryProblem.Foreign, "holds 'holiday.jpg'");
        Assert.Equal(["holiday.jpg"], _files.List("/data/n1"));
        Assert.Empty(_locks.Taken);
    }

    [Fact]
    public void Every_flipped_bit_of_the_identity_is_damage_and_never_a_later_version()
    {
        Open().Dispose();
        var good = _files["/data/n1/identity"];
        for (var bit = 0; bit < good.Length * 8; bit++)
        {
            var bad = good.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            _files["/data/n1/identity"] = bad;
            AssertRefused(DataDirectoryProblem.Damaged, "is damaged");
        }

        for (var length = 0; length < good.Length; length++)
        {
            _files["/data/n1/identity"] = good[..length];
            AssertRefused(DataDirectoryProblem.Damaged, "is damaged");
        }

        _files["/data/n1/identity"] = new byte[1 << 20];
        AssertRefused(DataDirectoryProblem.Damaged, "is damaged");
    }

    [Fact]
    public void A_later_format_is_refused_as_such()
    {
        Open().Dispose();
        var bytes = _files["/data/n1/identity"];
        bytes[8] = 2;
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 4), RaftKv.Engine.Io.Crc32C.Compute(bytes.AsSpan(..^4)));
        AssertRefused(DataDirectoryProblem.LaterVersion, "has format version 2; this program reads version 1");
    }

    [Fact]
    public void A_power_cut_at_any_step_of_the_creation_leaves_nothing_or_everything()
    {
        Open().Dispose();
        var steps = _files.Steps;
        Assert.InRange(steps, 5, 50);
        for (var failAt = 1; failAt <= steps; failAt++)
        {
            var files = new MemoryFiles { FailAtStep = failAt };
            Assert.Throws<IOException>(() => DataDirectory.Open(files, new MemoryLocks(), "/data/n1", Request()));
            files.CutPower();
            using var opened = DataDirectory.Open(files, new MemoryLocks(), "/data/n1", Request() with { FreshIncarnation = 2000 });
            Assert.True(opened.Created);
            Assert.Equal(2000UL, opened.Identity.Incarnation);
        }
    }

    [Fact]
    public void The_identity_survives_a_power_cut_right_after_the_creation()
    {
        Open().Dispose();
        _files.CutPower();
        using var opened = Open(Request() with { FreshIncarnation = 2000 });
        Assert.Equal(1000UL, opened.Identity.Incarnation);
    }

    [Fact]
    public void A_real_lock_admits_one_holder_whatever_is_done_to_its_file_and_whichever_path_leads_to_it()
    {
        var home = Directory.CreateTempSubdirectory("raftkv-lock-");
        try
        {
            var directory = home.CreateSubdirectory("n1").FullName;
            var path = Path.Combine(directory, "lock");
            var link = Path.Combine(home.FullName, "link");
            Directory.CreateSymbolicLink(link, directory);
            var first = FileLocks.Instance.TryAcquire(path);
            Assert.NotNull(first);
            Assert.Null(FileLocks.Instance.TryAcquire(path));
            Assert.Null(FileLocks.Instance.TryAcquire(Path.Combine(link, "lock")));
            File.Delete(path);
            Assert.Null(FileLocks.Instance.TryAcquire(path));
            File.WriteAllText(path, "another file");
            Assert.Null(FileLocks.Instance.TryAcquire(path));
            Directory.Move(directory, directory + "-moved");
            Assert.Null(FileLocks.Instance.TryAcquire(directory + "-moved/lock"));
            Directory.CreateDirectory(directory);
            using (var another = FileLocks.Instance.TryAcquire(path))
                Assert.NotNull(another);
            first.Dispose();
            using var second = FileLocks.Instance.TryAcquire(directory + "-moved/lock");
            Assert.NotNull(second);
        }
        finally
        {
            home.Delete(recursive: true);
        }
    }

    private static DataDirectoryRequest Request() => new() { Name = "n1", Cluster = 77, Number = 1, Stores = 4, FreshIncarnation = 1000 };

    private DataDirectory Open(DataDirectoryRequest? request = null) => DataDirectory.Open(_files, _locks, "/data/n1", request ?? Request());

    private void AssertRefused(DataDirectoryProblem problem, string sentence, DataDirectoryRequest? request = null)
    {
        var refusal = Assert.Throws<DataDirectoryException>(() => Open(request));
        Assert.Equal(problem, refusal.Problem);
        Assert.Contains(sentence, refusal.Message, StringComparison.Ordinal);
    }

    private sealed class MemoryLocks : IFileLocks
    {
        public HashSet<string> Taken { get; } = [];

        public IDisposable? TryAcquire(string path) => Taken.Add(path) ? new Held(this, path) : null;

        private sealed class Held(MemoryLocks locks, string path) : IDisposable
        {
            public void Dispose() => locks.Taken.Remove(path);
        }
    }
}
