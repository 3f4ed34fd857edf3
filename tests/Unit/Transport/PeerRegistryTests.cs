using RaftKv.Consensus.Transport;
using RaftKv.Tests.Unit.Groups;
using Xunit;

namespace RaftKv.Tests.Unit.Transport;

public sealed class PeerRegistryTests
{
    private const string Path = "/data/peers";
    private readonly MemoryFiles _files = new();

    [Fact]
    public void A_peer_is_remembered_across_a_power_cut_once_it_was_accepted()
    {
        Assert.Equal(PeerCheck.Accepted, Open().Check(2, "n2", 20));
        Assert.Equal(PeerCheck.Accepted, Open().Check(3, "n3-ü", 30));
        _files.CutPower();
        var registry = Open();
        Assert.Equal(PeerCheck.Accepted, registry.Check(2, "n2", 20));
        Assert.Equal(PeerCheck.Accepted, registry.Check(3, "n3-ü", 30));
        Assert.Equal(PeerCheck.OtherIncarnation, registry.Check(2, "n2", 21));
        Assert.Equal(PeerCheck.OtherName, registry.Check(3, "n4", 30));
    }

    [Fact]
    public void A_peer_that_could_not_be_written_down_is_not_accepted_and_not_remembered()
    {
        Open().Check(2, "n2", 20);
        var registry = Open();
        _files.FailAtStep = 0;
        Assert.Throws<IOException>(() => registry.Check(3, "n3", 30));
        _files.CutPower();
        Assert.Equal(PeerCheck.Accepted, registry.Check(3, "n3", 31));
    }

    [Fact]
    public void A_known_peer_costs_no_write()
    {
        var registry = Open();
        registry.Check(2, "n2", 20);
        var steps = _files.Steps;
        registry.Check(2, "n2", 20);
        Assert.Equal(steps, _files.Steps);
    }

    [Fact]
    public void Every_flipped_bit_and_every_cut_is_refused()
    {
        Open().Check(2, "n2", 20);
        var good = _files[Path];
        for (var bit = 0; bit < good.Length * 8; bit++)
        {
            var bad = good.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            _files[Path] = bad;
            Assert.Throws<InvalidDataException>(Open);
        }

        for (var length = 0; length < good.Length; length++)
        {
            _files[Path] = good[..length];
            Assert.Throws<InvalidDataException>(Open);
        }
    }

    private PeerRegistry Open() => PeerRegistry.Open(_files, Path);
}
