using RaftKv.Engine.Io;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Io;

public sealed class SimulatedFileSystemTests
{
    [Fact]
    public void What_was_synced_survives_every_power_cut_and_the_rest_only_some()
    {
        var outcomes = new HashSet<string>();
        for (ulong seed = 0; seed < 200; seed++)
        {
            var files = new SimulatedFileSystem("/d");
            using var file = files.Open("/d/a", OpenMode.CreateNew);
            file.Write(0, "old."u8);
            file.SyncData();
            files.SyncDirectory("/d");
            file.Write(0, "new!"u8);
            file.Write(512, "tail"u8);
            var after = files.Crash(seed);
            var bytes = after.ReadAll("/d/a");
            var head = System.Text.Encoding.ASCII.GetString(bytes, 0, 4);
            Assert.True(head is "old." or "new!");
            outcomes.Add($"{head} {bytes.Length > 512 && bytes[512] == (byte)'t'}");
        }

        Assert.Equal(4, outcomes.Count);
    }

    [Fact]
    public void Names_that_were_not_synced_may_be_lost_or_not_and_a_rename_never_loses_both()
    {
        var outcomes = new HashSet<string>();
        for (ulong seed = 0; seed < 200; seed++)
        {
            var files = new SimulatedFileSystem("/d");
            files.Open("/d/a", OpenMode.CreateNew).Dispose();
            files.SyncDirectory("/d");
            files.Rename("/d/a", "/d/b");
            files.Open("/d/c", OpenMode.CreateNew).Dispose();
            outcomes.Add(string.Join(' ', files.Crash(seed).List("/d")));
        }

        Assert.Equal(["a", "a c", "b", "b c"], outcomes.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_fresh_directory_is_lost_with_all_in_it_or_kept_and_kept_for_sure_once_its_parent_was_synced()
    {
        var outcomes = new HashSet<(bool One, bool Two)>();
        for (ulong seed = 0; seed < 100; seed++)
        {
            var files = new SimulatedFileSystem("/d");
            files.CreateDirectory("/d/one/two");
            files.SyncDirectory("/d/one");
            files.CreateDirectory("/d/three");
            files.SyncDirectory("/d");
            files.CreateDirectory("/d/four/five");
            var after = files.Crash(seed);
            Assert.True(after.DirectoryExists("/d/one/two") && after.DirectoryExists("/d/three"));
            outcomes.Add((after.DirectoryExists("/d/four"), after.DirectoryExists("/d/four/five")));
        }

        Assert.Equal([(false, false), (true, false), (true, true)], outcomes.Order());
    }

    [Fact]
    public void After_the_power_failed_everything_throws_and_equal_seeds_give_equal_disks()
    {
        static SimulatedFileSystem Make()
        {
            var files = new SimulatedFileSystem("/d");
            var file = files.Open("/d/a", OpenMode.CreateNew);
            files.SyncDirectory("/d");
            files.CrashAtOperation(files.Operations + 1);
            Assert.Throws<SimulatedCrashException>(() => file.Write(0, new byte[5000]));
            Assert.Throws<SimulatedCrashException>(() => file.SyncData());
            Assert.Throws<SimulatedCrashException>(() => files.FileExists("/d/a"));
            return files.Crash(5);
        }

        Assert.Equal(Make().ReadAll("/d/a"), Make().ReadAll("/d/a"));
    }

    [Fact]
    public void Faults_strike_the_chosen_call_once()
    {
        var files = new SimulatedFileSystem { Capacity = 1000 };
        files.CreateDirectory("/d");
        using var file = files.Open("/d/a", OpenMode.CreateNew);
        files.FailSync(2);
        files.FailWrite(4);
        file.SyncData();
        Assert.Throws<IOException>(file.SyncData);
        file.SyncData();
        file.Write(0, "1"u8);
        file.Write(0, "2"u8);
        Assert.Throws<DiskFullException>(() => file.Write(0, new byte[1001]));
        Assert.Throws<IOException>(() => file.Write(0, "3"u8));
        file.Write(0, "3"u8);
    }
}
