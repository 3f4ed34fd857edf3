using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
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
        using (var directory = OpenDirectory(1000))
            KilledAtTheDirectory(() => directory.MakeFinal(directory.Identity with { IsFinal = true }));
        Assert.Equal(1000UL, IncarnationOf(2000));
        AfterEachPowerCut(() => Assert.Equal(1000UL, IncarnationOf(3000)));
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
            killed = Record.Exception(() => FirstLife(1000)) is IOException;
            for (var i = operation; i < operation + 50; i++)
                _files.FailAtOperation(i, (_, _) => null);
            // From the moment that its identity is final in some process it is the same in each that comes after.
            var incarnation = FirstLife(2000);
            AfterEachPowerCut(() => Assert.Equal(incarnation, IncarnationOf(3000)));
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

    private DataDirectory OpenDirectory(ulong freshIncarnation) => DataDirectory.Open(
        _files, new NoLocks(), Home, new DataDirectoryRequest { Name = "n1", Cluster = 77, Number = 1, Members = "n1,n2,n3", Stores = 1, FreshIncarnation = freshIncarnation });

    private ulong IncarnationOf(ulong freshIncarnation)
    {
        using var directory = OpenDirectory(freshIncarnation);
        return directory.Identity.Incarnation;
    }

    /// <summary>Opens the directory, leaves what a node makes before it meets anybody, and makes the identity final.</summary>
    private ulong FirstLife(ulong freshIncarnation)
    {
        using var directory = OpenDirectory(freshIncarnation);
        if (directory.Created)
        {
            _files.CreateDirectory(directory.WalPath);
            _files.CreateDirectory(directory.StorePath(0));
            directory.MakeFinal(directory.Identity with { IsFinal = true });
        }

        return directory.Identity.Incarnation;
    }

    private sealed class NoLocks : IFileLocks
    {
        public IDisposable? TryAcquire(string path) => new MemoryStream();
    }
}
