using System.IO.Pipelines;
using RaftKv.Server.Resp.Connections;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Jepsenish.Simulation.Clients;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Network;

/// <summary>
/// A client's connection to a RESP server: bytes in pieces, both ways, through production's <see cref="RespConnection"/>. Pipes run their continuations at once, so that nothing happens elsewhere.
/// </summary>
internal sealed class RespLink
{
    private static readonly PipeOptions Pipes = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 1 << 20, resumeWriterThreshold: 1 << 19, useSynchronizationContext: false);

    private static readonly PipeOptions NarrowPipes = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 4 << 10, resumeWriterThreshold: 2 << 10, useSynchronizationContext: false);

    private readonly Pipe _toServer = new(Pipes);
    private readonly Pipe _toClient;
    private readonly Process _process;
    private readonly Client _client;
    private readonly SeededRandom _random;
    private readonly SeededRandom _slowness;
    private long _lastToServer;
    private long _lastToClient;

    private RespLink(Process process, uint group, Client client, SeededRandom random)
    {
        (_process, _client, _random) = (process, client, random);
        _slowness = Randomness.Fork(process.Cluster.Options.Seed, "slow reader", (ulong)++process.Cluster.LinksOpened);
        // Who may be slow has little room in its socket, so that the server feels it.
        _toClient = new Pipe(process.Cluster.Options.SlowReadsPerMille == 0 ? Pipes : NarrowPipes);
        var server = process.Server(group);
        var connected = server.Open(client.Name, process.Machine.Name);
        var connection = new RespConnection(server, new Duplex(_toServer.Reader, _toClient.Writer), server.PumpOf(connected), connected);
        process.Attach(this);
        connection.Start();
        AwaitReply();
    }

    /// <summary>Whether either side has given it up.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Opens a connection, in the server's process.</summary>
    public static RespLink Open(Process process, uint group, Client client, SeededRandom random) => new(process, group, client, random);

    /// <summary>The client sends.</summary>
    public void Send(byte[] bytes)
    {
        for (var start = 0; start < bytes.Length;)
        {
            var length = _random.Chance(800) ? bytes.Length - start : _random.Between(1, bytes.Length - start);
            var piece = bytes.AsMemory(start, length);
            start += length;
            _lastToServer = Math.Max(_lastToServer, _process.Scheduler.Now + Trip());
            _process.After(_lastToServer - _process.Scheduler.Now, () =>
            {
                if (IsBroken)
                    return;
                _process.Scheduler.Note(piece.Span);
                Flushed(_toServer.Writer.WriteAsync(piece));
            });
        }
    }

    /// <summary>The client goes away; the server hears of it.</summary>
    public void Close()
    {
        if (IsBroken)
            return;
        IsBroken = true;
        _process.After(Trip(), () => _toServer.Writer.Complete());
    }

    /// <summary>The server's process has ended; the client hears of it.</summary>
    public void OnServerGone() => _process.Scheduler.After(Trip(), () =>
    {
        IsBroken = true;
        _client.OnBroken(this);
    });

    private static void Flushed(ValueTask<FlushResult> flush)
    {
        if (!flush.IsCompleted)
            throw new SimulationViolationException("a server did not take a small request at once");
        _ = flush.Result;
    }

    private long Trip() => _random.Time(20 * Microsecond, 200 * Microsecond);

    private void AwaitReply()
    {
        // Kept until its continuation comes, then consumed, once.
#pragma warning disable CA2012
        var read = _toClient.Reader.ReadAsync().GetAwaiter();
#pragma warning restore CA2012
        if (read.IsCompleted)
            TakeReply(read.GetResult());
        else
            read.UnsafeOnCompleted(() => TakeReply(read.GetResult()));
    }

    private void TakeReply(ReadResult result)
    {
        var bytes = System.Buffers.BuffersExtensions.ToArray(result.Buffer);
        _toClient.Reader.AdvanceTo(result.Buffer.End);
        _lastToClient = Math.Max(_lastToClient, _process.Scheduler.Now + Trip());
        _process.Scheduler.After(_lastToClient - _process.Scheduler.Now, () =>
        {
            _process.Scheduler.Note(bytes);
            if (!IsBroken)
                _client.OnBytes(this, bytes);
        });
        if (result.IsCompleted)
            return;
        if (_slowness.Chance(_process.Cluster.Options.SlowReadsPerMille))
            _process.After(_slowness.Time(Millisecond, 300 * Millisecond), AwaitReply);
        else
            AwaitReply();
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
