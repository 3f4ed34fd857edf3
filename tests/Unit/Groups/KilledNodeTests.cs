using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Transport;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>
/// A process is killed between the renaming of one of a node's small files and the sync of its directory. The next process reads the new file and acts on it: a power cut must not bring the old one back.
/// </summary>
public sealed class KilledNodeTests
{
    private const string Home = "/data/n1";
    private const string Peers = Home + "/peers";

    private SimulatedFileSystem _files = new();

    [Fact]
    public void A_peer_that_a_killed_process_wrote_down_is_remembered_across_a_power_cut_once_it_was_accepted()
    {
        _files = new SimulatedFileSystem(Home);
        Assert.Equal(PeerCheck.Accepted, PeerRegistry.Open(_files, Peers).Check(2, "n2", 20));
        KilledAtTheDirectory(() => PeerRegistry.Open(_files, Peers).Check(3, "n3", 30));
        Assert.Equal(PeerCheck.Accepted, PeerRegistry.Open(_files, Peers).Check(3, "n3", 30));
        AfterEachPowerCut(() => Assert.Equal(PeerCheck.OtherIncarnation, PeerRegistry.Open(_files, Peers).Check(3, "n3", 31)));
    }

    [Fact]
    public void An_identity_that_a_killed_process_wrote_down_stays_the_nodes_own_once_the_node_was_opened_with_it()
    {
        KilledAtTheDirectory(() => OpenDirectory(1000));
        Assert.Equal(1000UL, OpenDirectory(2000));
        AfterEachPowerCut(() => Assert.Equal(1000UL, OpenDirectory(3000)));
    }

    /// <summary>The second start must not take for durable what the first, wherever it was killed, had only begun: its directory above all.</summary>
    [Fact]
    public void Wherever_a_first_start_is_killed_the_node_that_the_second_one_opens_stays_the_same()
    {
        var killed = true;
        for (var operation = 1; killed; operation++)
        {
            _files = new SimulatedFileSystem();
            for (var i = operation; i < operation + 50; i++)
                _files.FailAtOperation(i, (_, path) => new IOException($"killed at {path}"));
            killed = Record.Exception(() => OpenDirectory(1000)) is IOException;
            for (var i = operation; i < operation + 50; i++)
                _files.FailAtOperation(i, (_, _) => null);
            var incarnation = OpenDirectory(2000);
            AfterEachPowerCut(() => Assert.Equal(incarnation, OpenDirectory(3000)));
        }
    }

    /// <summary>Ends an action at its first sync of the directory that holds a fresh name.</summary>
    private void KilledAtTheDirectory(Action action)
    {
        var renamed = false;
        for (var i = _files.Operations + 1; i < _files.Operations + 20; i++)
        {
            _files.FailAtOperation(i, (kind, path) =>
            {
                renamed |= kind == DeviceOperation.Name && !path.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal);
                return renamed && kind == DeviceOperation.Sync ? new IOException($"killed while syncing {path}") : null;
            });
        }

        Assert.Throws<IOException>(action);
        Assert.True(renamed);
        for (var i = _files.Operations + 1; i < _files.Operations + 20; i++)
            _files.FailAtOperation(i, (_, _) => null);
    }

    private void AfterEachPowerCut(Action check)
    {
        var before = _files;
        for (var seed = 1UL; seed <= 12; seed++)
        {
            _files = before.Crash(seed);
            check();
        }
    }

    private ulong OpenDirectory(ulong freshIncarnation)
    {
        var request = new DataDirectoryRequest { Name = "n1", Cluster = 77, Number = 1, Stores = 1, FreshIncarnation = freshIncarnation };
        using var directory = DataDirectory.Open(_files, new NoLocks(), Home, request);
        return directory.Identity.Incarnation;
    }

    private sealed class NoLocks : IFileLocks
    {
        public IDisposable? TryAcquire(string path) => new MemoryStream();
    }
}
