using System.Globalization;
using System.Net.Sockets;
using System.Text;
using RaftKv.Tests.Jepsenish.Workloads;

namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>
/// Clients that behave badly: they take all descriptors, do not read what they asked for, send half of a command, or speak another protocol. No node may end of it, or grow beyond a bound.
/// What they hold stays until <see cref="Release"/>.
/// </summary>
internal sealed class ClientFaults(RealCluster cluster, Random random) : IDisposable
{
    /// <summary>A key that only a node which runs the lines of an HTTP request as commands would write.</summary>
    public const string SmuggledKey = "smuggled";

    /// <summary>How many descriptors a node under test may have.</summary>
    public const int Descriptors = 1024;

    // All clients together hold an eighth of the machine's memory, 1 GiB at most (CONFIG GET maxmemory-clients); half of that again is for what the collector has not taken back yet.
    private const long GrowthBound = 1536L << 20;
    private const int SlowReaders = 8, LargeReads = 500, LargeBytes = 1 << 20, HalfSenders = 128, HalfBytes = 16 << 20;

    private readonly List<Socket> _held = [];
    private readonly List<(RealNode Node, ServerProcess Process, long Before)> _watched = [];

    /// <summary>Injects one; false if it could not be done.</summary>
    public async Task<bool> TryApplyAsync(Fault fault, RealNode leader)
    {
        var node = random.Next(2) == 0 ? leader : cluster.Nodes[random.Next(cluster.Nodes.Count)];
        if (node.Process is not { IsAlive: true, IsPaused: false } process)
            return false;
        _watched.Add((node, process, process.ResidentBytes));
        switch (fault)
        {
            case Fault.NoDescriptors:
                foreach (var port in new[] { node.RespPort, node.HttpPort, node.ListenPort == 0 ? node.PeerPort : node.ListenPort })
                    await TakeAllAsync(port);
                break;
            case Fault.SlowReaders:
                return await ReadSlowlyAsync(node);
            case Fault.HalfCommands:
                for (var i = 0; i < HalfSenders; i++)
                    await SendAsync(node.RespPort, HalfCommand(HalfBytes - random.Next(1, 100_000)), isHeld: true);
                break;
            case Fault.StrayRequests:
                await StrayRequests.SendAsync(node.RespPort, node.HttpPort, node.ListenPort == 0 ? node.PeerPort : node.ListenPort, random);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault));
        }

        return true;
    }

    /// <summary>Lets go of everything, and looks how much the nodes have grown meanwhile.</summary>
    public void Release()
    {
        foreach (var (node, process, before) in _watched)
        {
            var grown = (process.IsAlive ? process.ResidentBytes : 0) - before;
            if (grown > GrowthBound)
                cluster.Report(string.Create(CultureInfo.InvariantCulture, $"{node.Name} grew by {grown >> 20} MiB for clients that do not read or do not finish; the bound is {GrowthBound >> 20} MiB"));
        }

        _watched.Clear();
        Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _held.ForEach(s => s.Dispose());
        _held.Clear();
    }

    /// <summary>As many connections as a port takes, up to all that the node could have.</summary>
    private async Task TakeAllAsync(int port)
    {
        for (var i = 0; i < Descriptors; i++)
        {
            if (!await SendAsync(port, ReadOnlyMemory<byte>.Empty, isHeld: true))
                return;
        }
    }

    /// <summary>Readers that ask for far more than they take. What they are owed is large enough to be seen in the node's memory if it is kept there.</summary>
    private async Task<bool> ReadSlowlyAsync(RealNode node)
    {
        using (var client = await RespClient.TryConnectAsync(node.RespPort, TimeSpan.FromSeconds(5)))
        {
            if (client is null || await Worker.TryAsync(client, "SET", "large", new string('l', LargeBytes)) is not { IsError: false })
                return false;
        }

        var request = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n", LargeReads)));
        for (var i = 0; i < SlowReaders; i++)
            await SendAsync(node.RespPort, request, isHeld: true);
        // Until the node has grown beyond the bound, or has had the time to.
        var (process, before) = (node.Process!, _watched[^1].Before);
        await RealTime.Until(() => Task.FromResult(!process.IsAlive || process.ResidentBytes - before > GrowthBound), TimeSpan.FromSeconds(3));
        return true;
    }

    private async Task<bool> SendAsync(int port, ReadOnlyMemory<byte> bytes, bool isHeld)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // A server that takes no more of it, or none of it, has answered as well.
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            await socket.ConnectAsync("127.0.0.1", port, limit.Token);
            if (isHeld)
                _held.Add(socket);
            while (bytes.Length > 0)
                bytes = bytes[await socket.SendAsync(bytes, limit.Token)..];
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return false;
        }
        finally
        {
            if (!_held.Contains(socket))
                socket.Dispose();
        }
    }

    private static byte[] HalfCommand(int sent) => [.. Encoding.ASCII.GetBytes($"*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n${HalfBytes}\r\n"), .. new byte[sent]];
}
