using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Network;

/// <summary>
/// The network between machines: carries bytes, in order, after a delay of each link's. A cut link holds bytes back, as TCP does, until it is whole again or somebody gives the connection up.
/// What TCP would never do to frames (lose one, double one, let one overtake) is done by <see cref="WireTransport"/> before they become bytes.
/// </summary>
internal sealed class Wire(Cluster cluster, SeededRandom random)
{
    private readonly HashSet<(ulong From, ulong To)> _cut = [];
    private readonly Dictionary<(ulong, ulong), int> _slowness = [];
    private readonly List<WireEnd> _held = [];

    /// <summary>Frames lost, in a thousand.</summary>
    public int LossPerMille { get; set; }

    /// <summary>Frames sent twice, in a thousand.</summary>
    public int DuplicatePerMille { get; set; }

    /// <summary>Frames held back so that later ones overtake them, in a thousand.</summary>
    public int ReorderPerMille { get; set; }

    /// <summary>Pieces with a changed bit, in a thousand.</summary>
    public int CorruptPerMille { get; set; }

    /// <summary>Pieces of images with a changed bit that no frame's checksum shows, in a thousand.</summary>
    public int SpoilImagesPerMille { get; set; }

    /// <summary>Appends that lose their last entries, in a thousand.</summary>
    public int ShortenAppendsPerMille { get; set; }

    /// <summary>The machines.</summary>
    public Cluster Cluster => cluster;

    /// <summary>Whether what is sent arrives, once, in order and as it was, where it is not cut.</summary>
    public bool IsReliable => (LossPerMille | DuplicatePerMille | ReorderPerMille | CorruptPerMille | SpoilImagesPerMille | ShortenAppendsPerMille) == 0;

    /// <summary>Whether bytes pass between two machines in both directions, and are not slowed down.</summary>
    public bool IsQuick(ulong one, ulong other) => Passes(one, other) && Passes(other, one) && _slowness.GetValueOrDefault((one, other), 1) == 1;

    /// <summary>Whether bytes pass in one direction.</summary>
    public bool Passes(ulong from, ulong to) => !_cut.Contains((from, to));

    /// <summary>Cuts one direction.</summary>
    public void Cut(ulong from, ulong to) => _cut.Add((from, to));

    /// <summary>Joins one direction.</summary>
    public void Join(ulong from, ulong to)
    {
        _cut.Remove((from, to));
        Release();
    }

    /// <summary>Makes a link slow in both directions; 1 for its usual speed.</summary>
    public void Slow(ulong one, ulong other, int factor) => _slowness[(one, other)] = _slowness[(other, one)] = factor;

    /// <summary>Everything works.</summary>
    public void Mend()
    {
        _cut.Clear();
        _slowness.Clear();
        LossPerMille = DuplicatePerMille = ReorderPerMille = CorruptPerMille = SpoilImagesPerMille = ShortenAppendsPerMille = 0;
        Release();
    }

    /// <summary>How long something takes from one machine to another now.</summary>
    public long Delay(ulong from, ulong to) =>
        random.Time(cluster.Options.MinDelay, cluster.Options.MaxDelay) * _slowness.GetValueOrDefault((from, to), 1);

    /// <summary>Carries bytes to an end, behind all that was sent to it before.</summary>
    public void Carry(WireEnd to, byte[] bytes)
    {
        var now = cluster.Scheduler.Now;
        to.UnderWay += bytes.Length;
        for (var start = 0; start < bytes.Length;)
        {
            var length = bytes.Length - start <= 16 || random.Chance(900) ? bytes.Length - start : random.Between(1, bytes.Length - start);
            var piece = bytes.AsSpan(start, length).ToArray();
            if (CorruptPerMille > 0 && random.Chance(CorruptPerMille))
                piece[random.Below(length)] ^= (byte)(1 << random.Below(8));
            start += length;
            to.LastArrival = Math.Max(to.LastArrival, now + Delay(to.Peer, to.Process.Machine.Number));
            cluster.Scheduler.After(to.LastArrival - now, () => Arrive(to, piece));
        }
    }

    private void Arrive(WireEnd to, byte[] piece)
    {
        if (to.IsClosed)
            return;
        if (to.HasHeldBytes || !Passes(to.Peer, to.Process.Machine.Number))
        {
            if (!to.HasHeldBytes)
                _held.Add(to);
            to.Hold(piece);
            return;
        }

        cluster.Scheduler.Note(piece);
        to.UnderWay -= piece.Length;
        to.Process.Run(() => to.Receive(piece));
    }

    /// <summary>Lets held bytes go on; what arrives meanwhile lines up behind them.</summary>
    private void Release()
    {
        foreach (var end in _held)
            cluster.Scheduler.After(Delay(end.Peer, end.Process.Machine.Number), () => Drain(end));
    }

    private void Drain(WireEnd end)
    {
        if (!end.IsClosed && !Passes(end.Peer, end.Process.Machine.Number))
            return;
        if (!_held.Remove(end))
            return;
        foreach (var piece in end.TakeHeld())
        {
            cluster.Scheduler.Note(piece);
            end.UnderWay -= piece.Length;
            end.Process.Run(() => end.Receive(piece));
        }
    }

    /// <summary>Connects two processes; the handshake follows. False when nobody answers.</summary>
    public bool TryConnect(WireTransport from, ulong peer)
    {
        var self = from.Process.Machine.Number;
        if (cluster.Machine(peer).Process is not { IsAlive: true } other || !Passes(self, peer) || !Passes(peer, self))
            return false;
        var near = new WireEnd(from, peer, isDialler: true);
        var far = new WireEnd(other.Transport, self, isDialler: false);
        near.Other = far;
        far.Other = near;
        from.Add(near);
        other.Transport.Add(far);
        near.Begin();
        return true;
    }

    /// <summary>An end was closed: the other one hears of it, unless nothing gets through.</summary>
    public void Closed(WireEnd end)
    {
        var (from, to) = (end.Process.Machine.Number, end.Peer);
        if (!Passes(from, to))
            return;
        var other = end.Other!;
        var at = Math.Max(other.LastArrival, cluster.Scheduler.Now + Delay(from, to));
        cluster.Scheduler.After(at - cluster.Scheduler.Now, () => other.Process.Run(() => other.Close("the other side closed it")));
    }
}
