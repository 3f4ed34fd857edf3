using System.Net;

namespace RaftKv.Consensus.Transport;

/// <summary>Knobs of <see cref="TcpTransport"/>.</summary>
public sealed record TransportOptions
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>Where to listen; port 0 for any free port.</summary>
    public required IPEndPoint Listen { get; init; }

    /// <summary>Largest payload of a frame after the handshake, in bytes: the largest command, result or record of an image fits, with room for what stands around it.</summary>
    public int MaxFrameBytes
    {
        get;
        init => field = value is >= 1024 and <= 1 << 30 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "MaxFrameBytes: 1 KiB to 1 GiB");
    } = 64 << 20;

    /// <summary>Bytes that may wait for one peer; beyond it frames are dropped, as Raft sends again what was lost and memory must stay bounded.</summary>
    public long MaxQueuedBytes
    {
        get;
        init => field = value >= 1024 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "MaxQueuedBytes: at least 1 KiB");
    } = 128 << 20;

    /// <summary>Frames that may wait for one peer.</summary>
    public int MaxQueuedFrames
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "MaxQueuedFrames: at least 1");
    } = 65_536;

    /// <summary>
    /// A keep-alive is sent this often, whatever else is: a peer whose keep-alives came regularly is disconnected after a silence of about six intervals (<see cref="SilenceDetector"/>). 25 ms: some ten microseconds of
    /// work for each, and a peer that is frozen or cut off is found in about 155 ms.
    /// </summary>
    public TimeSpan KeepAliveInterval { get; init => field = Checked(value); } = TimeSpan.FromMilliseconds(25);

    /// <summary>
    /// A peer that was silent for this long is disconnected, however irregular its keep-alives were before. Below the election timeout (300 ms) by more than one check, so that a half-open connection is found within it.
    /// </summary>
    public TimeSpan PeerTimeout { get; init => field = Checked(value); } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long connecting may take.</summary>
    public TimeSpan ConnectTimeout { get; init => field = Checked(value); } = TimeSpan.FromSeconds(1);

    /// <summary>How long a connection may stay without a complete handshake.</summary>
    public TimeSpan HandshakeTimeout { get; init => field = Checked(value); } = TimeSpan.FromSeconds(2);

    /// <summary>Accepted connections that may be without a complete handshake; one more, and the oldest of them is closed.</summary>
    public int MaxPendingHandshakes
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "MaxPendingHandshakes: at least 1");
    } = 16;

    /// <summary>Pause before the second attempt to connect; doubled at each failure, then multiplied by a random factor between a half and one.</summary>
    public TimeSpan MinBackoff { get; init => field = Checked(value); } = TimeSpan.FromMilliseconds(10);

    /// <summary>A peer that could not be connected to for this long is told of, once, and again each time after twice as long.</summary>
    public TimeSpan UnreachableAfter { get; init => field = Checked(value); } = TimeSpan.FromSeconds(5);

    /// <summary>Longest pause between attempts to connect.</summary>
    public TimeSpan MaxBackoff { get; init => field = Checked(value); } = TimeSpan.FromSeconds(1);

    private static TimeSpan Checked(TimeSpan value) =>
        value > TimeSpan.Zero && value <= Longest ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "times of the transport: above 0, at most a minute");
}
