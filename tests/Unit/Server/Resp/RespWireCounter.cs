using System.IO.Pipelines;
using RaftKv.Server.Resp.Connections;

namespace RaftKv.Tests.Unit.Server.Resp;

/// <summary>A client that throws replies away unlooked at, so that what is allocated is the connection's doing.</summary>
internal sealed class RespWireCounter : IDisposable
{
    private static readonly PipeOptions Inline = new(readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, useSynchronizationContext: false, pauseWriterThreshold: 1 << 24, resumeWriterThreshold: 1 << 23);

    private readonly Pipe _toServer = new(Inline);
    private readonly Pipe _fromServer = new(Inline);
    private readonly RespConnection _connection;

    public RespWireCounter(RespServer server)
    {
        var client = server.Open("client:1", "node:1");
        _connection = new RespConnection(server, new Duplex(_toServer.Reader, _fromServer.Writer), server.PumpOf(client), client);
        _connection.Start();
    }

    public void Run(byte[] stream)
    {
        stream.CopyTo(_toServer.Writer.GetSpan(stream.Length));
        _toServer.Writer.Advance(stream.Length);
        _ = _toServer.Writer.FlushAsync().AsTask();
        if (_fromServer.Reader.TryRead(out var result))
            _fromServer.Reader.AdvanceTo(result.Buffer.End);
    }

    public void Dispose() => _connection.Stop();

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
