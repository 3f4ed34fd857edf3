using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

public sealed class DataDirectoryTests
{
    private readonly MemoryFiles _files = new();
    private readonly MemoryLocks _locks = new();

    [Fact]
    public void A_missing_directory_is_claimed_and_found_again_with_the_same_identity_once_that_is_final()
    {
        using (var created = Open())
        {
            Assert.True(created.Created);
            Assert.Equal((77UL, 1UL, "n1", 1000UL, false), (created.Identity.Cluster, created.Identity.Number, created.Identity.Name, created.Identity.Incarnation, created.Identity.IsFinal));
            Assert.Equal("/data/n1/store-3", created.StorePath(3));
            created.MakeFinal(created.Identity with { IsFinal = true, Cluster = 78 });
        }

        using var opened = Open(Request() with { FreshIncarnation = 2000, Stores = 9 });
        Assert.False(opened.Created);
        Assert.True(opened.Identity.IsFinal);
        Assert.Equal((1000UL, 78UL, DataDirectory.DefaultGroups), (opened.Identity.Incarnation, opened.Identity.Cluster, opened.Identity.Groups));
        Assert.Equal(4, opened.Stores);
    }

    /// <summary>A start with a wrong flag, or whose port was taken, claims nothing; nor does what it had made by then get in the way of the next one.</summary>
    [Fact]
    public void A_directory_whose_identity_is_not_final_becomes_the_next_starts_and_what_lies_in_it_goes()
    {
        Open(Request() with { Groups = 16, ClusterName = "typo" }).Dispose();
        _files.CreateDirectory("/data/n1/wal");
        _files.CreateDirectory("/data/n1/store-0");
        _files["/data/n1/wal/1.log"] = [1];
        _files["/data/n1/store-0/manifest"] = [1];
        _files["/data/n1/peers"] = [1];
        using var opened = Open(Request() with { Name = "n2", Number = 2, Members = "n1,n2", Cluster = 78, Groups = 4, Stores = 2, FreshIncarnation = 2000 });
        Assert.True(opened.Created);
        Assert.Equal(("n2", 2UL, "n1,n2", 78UL, 4, "", 2000UL), (opened.Identity.Name, opened.Identity.Number, opened.Identity.Members, opened.Identity.Cluster, opened.Identity.Groups, opened.Identity.ClusterName, opened.Identity.Incarnation));
        Assert.Equal(2, opened.Stores);
        Assert.Equal(["identity"], _files.List("/data/n1"));
    }

    [Fact]
    public void A_second_opening_is_refused_until_the_first_ends()
    {
        var first = Open();
        AssertRefused(DataDirectoryProblem.InUse, "in use by another node");
        first.Dispose();
        Open().Dispose();
    }

    [Fact]
    public void A_refusal_gives_the_lock_back()
    {
        Found();
        AssertRefused(DataDirectoryProblem.OtherNode, "n1", Request() with { Name = "n2" });
        Open().Dispose();
    }

    [Fact]
    public void The_same_nodes_at_other_addresses_are_the_same_cluster()
    {
        Found();
        using var opened = Open(Request() with { Cluster = 78 });
        Assert.Equal((77UL, 1000UL), (opened.Identity.Cluster, opened.Identity.Incarnation));
    }

    [Fact]
    public void Another_nodes_directory_is_refused_by_name_even_from_another_list()
    {
        Found();
        AssertRefused(DataDirectoryProblem.OtherNode, "data directory /data/n1 belongs to node n1, not to node n2", Request() with { Name = "n2", Number = 2 });
        AssertRefused(DataDirectoryProblem.OtherNode, "belongs to node n1, not to node n7", Request() with { Name = "n7", Number = 1, Members = "n7" });
    }

    [Fact]
    public void Another_list_of_nodes_is_refused_by_the_names_in_which_it_differs()
    {
        Found();
        AssertRefused(
            DataDirectoryProblem.OtherMembers,
            "was founded with the nodes n1,n2,n3, the list given now has n1,n2,n4 (they differ in n3, n4)",
            Request() with { Members = "n1,n2,n4", Cluster = 78 });
        AssertRefused(DataDirectoryProblem.OtherMembers, "the list given now has n1,n2,n3,n4,n5 (they differ in n4, n5)", Request() with { Members = "n1,n2,n3,n4,n5" });
    }

    [Fact]
    public void Another_number_of_groups_is_refused_and_none_is_what_there_is()
    {
        Found(Request() with { Groups = 3 });
        foreach (var groups in new[] { 4, 16 })
            AssertRefused(DataDirectoryProblem.OtherGroups, $"was founded with 3 groups, not with {groups}", Request() with { Groups = groups });
        Assert.Equal(3, Found(Request() with { Groups = null }));
        Assert.Equal(3, Found(Request() with { Groups = 3 }));
    }

    [Fact]
    public void Another_clusters_directory_is_refused_by_its_name()
    {
        Found(Request() with { ClusterName = "blue" });
        AssertRefused(DataDirectoryProblem.OtherCluster, "belongs to the cluster named 'blue', not to one named 'green'", Request() with { ClusterName = "green" });
        Found(Request() with { ClusterName = null });
        _files["/data/n1/identity"] = [];
        _files.DeleteFile("/data/n1/identity");
        Found();
        AssertRefused(DataDirectoryProblem.OtherCluster, "belongs to a cluster without a name, not to one named 'green'", Request() with { ClusterName = "green" });
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
        Found();
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
        Found();
        var bytes = _files["/data/n1/identity"];
        bytes[8] = 3;
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 4), RaftKv.Engine.Io.Crc32C.Compute(bytes.AsSpan(..^4)));
        AssertRefused(DataDirectoryProblem.OtherVersion, "has format version 3; this program reads version 2");
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
    public void A_power_cut_at_any_step_of_becoming_final_leaves_the_provisional_identity_or_the_final_one()
    {
        for (var (failAt, failed) = (1, true); failed; failAt++)
        {
            var files = new MemoryFiles();
            using var claimed = DataDirectory.Open(files, new MemoryLocks(), "/data/n1", Request());
            files.FailAtStep = files.Steps + failAt;
            failed = Record.Exception(() => claimed.MakeFinal(claimed.Identity with { IsFinal = true })) is IOException;
            files.CutPower();
            using var opened = DataDirectory.Open(files, new MemoryLocks(), "/data/n1", Request() with { FreshIncarnation = 2000 });
            Assert.Equal(opened.Created ? 2000UL : 1000UL, opened.Identity.Incarnation);
            Assert.True(failed || !opened.Created);
        }
    }

    [Fact]
    public void The_identity_survives_a_power_cut_right_after_it_became_final()
    {
        Found();
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

    private static DataDirectoryRequest Request() => new() { Name = "n1", Cluster = 77, Number = 1, Members = "n1,n2,n3", Stores = 4, FreshIncarnation = 1000 };

    /// <summary>Opens the directory and makes its identity final; the number of its groups.</summary>
    private int Found(DataDirectoryRequest? request = null)
    {
        using var directory = Open(request);
        if (directory.Created)
            directory.MakeFinal(directory.Identity with { IsFinal = true });
        return directory.Identity.Groups;
    }

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
