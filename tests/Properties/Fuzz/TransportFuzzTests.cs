using System.Net.Sockets;
using System.Net;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;
using RaftKv.Tests.Harness.Fuzz;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Harness;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>What anybody may send to the port on which peers are expected.</summary>
public class TransportFuzzTests
{
    // Before the handshake is complete a stranger may make a node hold this much, whatever it sends.
    private const int Unauthenticated = 64 << 10;

    private static readonly NodeIdentity Peer = new(0xC1, 1, "n1", 11);
    private static readonly NodeIdentity Self = new(0xC1, 2, "n2", 22);
    private static readonly NodeIdentity Provisional = new(0xC3, 1, "n1", 12) { Members = "n1,n2,n3", Groups = 8, IsFinal = false };
    private static readonly string Longest = string.Join(',', Enumerable.Range(10, 31).Select(i => $"n{i}{new string('x', 61)}"));

    [Fact]
    public void Frames_before_the_handshake_cost_little() => Fuzzer.Run(
        new FuzzTarget
        {
            Corpus = [Hello(Peer), [.. Hello(Peer), .. Frame(FrameType.Ready, [])], Frame(FrameType.Refused, "\u0006not known"u8), Frame(FrameType.Data, new byte[700])],
            Read = bytes => ReadFrames(bytes, widen: false) > 0,
            Refusals = [typeof(FrameException)],
            Reseal = Reseal,
            FixedBytes = Unauthenticated,
            // What a stream costs is what its frames cost while they are looked at; none is kept.
            BytesPerByte = 4,
        },
        24_000);

    [Fact]
    public void Frames_after_the_handshake_are_read_or_refused() => Fuzzer.Run(
        new FuzzTarget
        {
            Corpus = [Frame(FrameType.Data, new byte[20]), [.. Frame(FrameType.KeepAlive, []), .. Frame(FrameType.Data, new byte[3000])], Frame(FrameType.Data, new byte[60_000])],
            Read = bytes => ReadFrames(bytes, widen: true) > 0,
            Refusals = [typeof(FrameException)],
            Reseal = Reseal,
            // A frame that is announced is received into a buffer of its length: the peer is known by then.
            FixedBytes = 3 << 20,
        },
        12_000);

    [Fact]
    public void Introductions_are_read_or_refused() => Fuzzer.Run(
        new FuzzTarget
        {
            Corpus =
            [
                Introduce(Peer, 2), Introduce(new NodeIdentity(ulong.MaxValue, 31, new string('n', 128), 1) { ClusterName = new string('c', 128), Members = Longest, Groups = 1024, IsFinal = false }, 1),
                Introduce(Provisional, 2),
            ],
            // What was read can be written, and is the same again.
            Read = bytes => Introduction.Read(bytes) is var read && !$"{read.Sender.Name}{read.Sender.ClusterName}{read.Sender.Members}".Any(char.IsControl)
                && Introduction.Read(Introduce(read.Sender, read.Receiver)).Sender == read.Sender,
            Refusals = [typeof(RefusalException)],
        },
        24_000);

    [Fact]
    public void Refusals_fit_a_line_of_the_log() => Fuzzer.Run(
        new FuzzTarget
        {
            Corpus = [[], "\u0001versions differ"u8.ToArray(), [6, .. new byte[600]]],
            // Any bytes are a refusal; what it says goes to a log, on one line.
            Read = bytes => RefusalException.Read(bytes) is { Message.Length: <= 512 } refusal && !refusal.Message.Any(char.IsControl) && bytes.Length > 0,
        },
        12_000);

    [Fact]
    public async Task A_handshake_ends_in_a_connection_or_in_one_documented_refusal()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        byte[] whole = [.. Hello(Peer), .. Frame(FrameType.Ready, [])];
        List<byte[]> corpus = [whole, [.. Hello(Peer), .. Frame(FrameType.Refused, "\u0002another cluster"u8)], Hello(new NodeIdentity(0xC2, 1, "n1", 11)), Hello(new NodeIdentity(0xC1, 3, "n3", 33)), [.. Hello(Provisional), .. Frame(FrameType.Ready, [])]];
        var accepted = await ShakeAsync(listener, whole) ? 1 : 0;
        foreach (var seed in CaseCount.Seeds(200))
        {
            var random = new SeededRandom(seed);
            var input = new Mutator(random, corpus).Next();
            if (random.Below(3) != 0)
                input = Reseal(input);
            try
            {
                accepted += await ShakeAsync(listener, input) ? 1 : 0;
            }
            catch (Exception e) when (e is RefusalException or FrameException or EndOfStreamException or SocketException)
            {
                continue; // As documented.
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"RAFTKV_SEED={seed}: {e.GetType().Name}: {e.Message}; input {Convert.ToBase64String(input)}", e);
            }
        }

        Assert.True(accepted > 0, "not even the whole handshake was accepted");
    }

    private static async Task<bool> ShakeAsync(TcpListener listener, byte[] input)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.LocalEndpoint);
        using var connection = new Connection(await listener.AcceptSocketAsync(), new TransportOptions { Listen = new IPEndPoint(IPAddress.Loopback, 0) });
        await client.SendAsync(input);
        client.Shutdown(SocketShutdown.Send);
        var handshake = new Handshake(new HandshakeRules(new OwnIdentity(Self), new AcceptingRegistry()));
        var (_, other) = await handshake.AcceptHelloAsync(connection, number => number is 1 or 3, CancellationToken.None);
        await Handshake.AcceptReadyAsync(connection, CancellationToken.None);
        return other.Number == Peer.Number;
    }

    private static int ReadFrames(byte[] bytes, bool widen)
    {
        using var reader = new FrameReader(2048, Introduction.MaxBytes);
        if (widen)
            reader.Widen(64 * 1024, 1 << 20);
        var frames = 0;
        for (var at = 0; at < bytes.Length;)
        {
            while (reader.TryRead(out _, out var payload))
            {
                frames++;
                payload?.Dispose();
            }

            var free = reader.Free;
            var count = Math.Min(free.Length, bytes.Length - at);
            bytes.AsSpan(at, count).CopyTo(free.Span);
            reader.Received(count);
            at += count;
        }

        while (reader.TryRead(out _, out var payload))
        {
            frames++;
            payload?.Dispose();
        }

        return frames;
    }

    /// <summary>Makes the checksum of each frame that is whole right.</summary>
    private static byte[] Reseal(byte[] stream)
    {
        byte[] output = [.. stream];
        for (var at = 0; at + FrameHeader.Size <= output.Length;)
        {
            var payload = BitConverter.ToUInt32(output, at) - 1L;
            if (payload < 0 || FrameHeader.Size + payload > output.Length - at)
                break;
            FrameHeader.Write(output.AsSpan(at), (FrameType)output[at + 8], output.AsSpan(at + FrameHeader.Size, (int)payload));
            at += FrameHeader.Size + (int)payload;
        }

        return output;
    }

    private static byte[] Hello(NodeIdentity sender) => Frame(FrameType.Hello, Introduce(sender, Self.Number));

    private static byte[] Introduce(NodeIdentity sender, ulong receiver)
    {
        using var payload = new PooledBuffer();
        new Introduction(Introduction.Version, Introduction.Version, sender, receiver).Write(payload);
        return payload.Span.ToArray();
    }

    private static byte[] Frame(FrameType type, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[FrameHeader.Size + payload.Length];
        FrameHeader.Write(frame, type, payload);
        payload.CopyTo(frame.AsSpan(FrameHeader.Size));
        return frame;
    }

    private sealed class AcceptingRegistry : IPeerRegistry
    {
        public PeerCheck Check(ulong peer, string name, ulong incarnation, bool remember = true) => PeerCheck.Accepted;
    }
}
