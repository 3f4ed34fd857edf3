using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Hosting;
using RaftKv.Server.Resp.Connections;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;
using RaftKv.Tests.Harness;

namespace RaftKv.Tests.Unit.Server.Resp;

/// <summary>A node in memory and connections to it, all on the test's thread: what is sent has been answered when <see cref="Client.Send(string)"/> returns, unless the executor holds it back.</summary>
internal sealed class RespFixture : IDisposable
{
    private readonly List<Client> _clients = [];

    public RespFixture(
        MemoryExecutorMode mode = MemoryExecutorMode.Inline, RespLimits? limits = null, Action<IThreadPoolWorkItem>? schedule = null, long? maxMemory = null, TimeProvider? clock = null,
        ILogger? logger = null, IKeyRouter? router = null)
    {
        Executor = new MemoryExecutor(mode);
        var cluster = new ClusterDescription(
            [new("n1", "a:1", true), new("n2", "b:1", true), new("n3", "c:1", false)],
            1,
            [new(1, "n1", 3, 10, 10, ["n1", "n2", "n3"], [])]);
        var context = new ServerContext(Executor, router ?? new SingleGroupRouter(1), () => cluster, logger ?? NullLogger.Instance)
        {
            Limits = limits ?? new RespLimits(),
            NodeName = "n1",
            Clock = clock ?? TimeProvider.System,
        };
        Server = new RespServer(context, schedule, maxMemory);
    }

    public MemoryExecutor Executor { get; }

    public RespServer Server { get; }

    public Client Connect(long outputPause = 64 << 10)
    {
        var client = new Client(Server, outputPause);
        _clients.Add(client);
        return client;
    }

    /// <summary>A connection that is run by the same pump as another.</summary>
    public Client ConnectBeside(Client other)
    {
        while (true)
        {
            var client = Connect();
            if (client.Pump == other.Pump)
                return client;
        }
    }

    public void Dispose()
    {
        foreach (var client in _clients)
            client.Dispose();
        Executor.Dispose();
    }

    internal sealed class Client : IDisposable
    {
        private readonly Pipe _toServer = new(Options(long.MaxValue / 2));
        private readonly Pipe _fromServer;
        private readonly RespConnection _connection;

        public Client(RespServer server, long outputPause)
        {
            _fromServer = new Pipe(Options(outputPause));
            var connected = server.Open("client:1", "node:1");
            Pump = server.PumpOf(connected);
            _connection = new RespConnection(server, new Duplex(_toServer.Reader, _fromServer.Writer), Pump, connected);
            _connection.Start();
        }

        public ReplyPump Pump { get; }

        public bool IsClosed => _connection.Closed.IsCompleted;

        public Task Closed => _connection.Closed;

        /// <summary>Sends bytes and returns what has been answered.</summary>
        public string Send(string bytes) => Send(Encoding.Latin1.GetBytes(bytes));

        public string Send(ReadOnlySpan<byte> bytes)
        {
            Write(bytes);
            return Received();
        }

        public void Write(ReadOnlySpan<byte> bytes)
        {
            _toServer.Writer.Write(bytes);
            _ = _toServer.Writer.FlushAsync().AsTask();
        }

        /// <summary>Sends one command as an array.</summary>
        public string Do(params string[] arguments) => Send(Encode(arguments));

        public static string Encode(params string[] arguments) =>
            $"*{arguments.Length}\r\n" + string.Concat(arguments.Select(a => $"${a.Length}\r\n{a}\r\n"));

        /// <summary>What has been answered since the last time; reading it makes room for more.</summary>
        public string Received()
        {
            var text = new StringBuilder();
            while (_fromServer.Reader.TryRead(out var result))
            {
                text.Append(Encoding.Latin1.GetString(result.Buffer.ToArray()));
                var ended = result.Buffer.IsEmpty;
                _fromServer.Reader.AdvanceTo(result.Buffer.End);
                if (ended)
                    break;
            }
            return text.ToString();
        }

        /// <summary>One piece of what has been answered, as much as the connection gave out before this was read.</summary>
        public int ReceiveOnce()
        {
            if (!_fromServer.Reader.TryRead(out var result))
                return 0;
            var length = (int)result.Buffer.Length;
            _fromServer.Reader.AdvanceTo(result.Buffer.End);
            return length;
        }

        /// <summary>Waits, without a clock, until so many bytes have been answered: for executors with a thread.</summary>
        public async Task<string> ReceiveAsync(int count)
        {
            var result = await _fromServer.Reader.ReadAtLeastAsync(count);
            var text = Encoding.Latin1.GetString(result.Buffer.ToArray());
            _fromServer.Reader.AdvanceTo(result.Buffer.End);
            return text;
        }

        /// <summary>The client closes its end.</summary>
        public void HangUp() => _toServer.Writer.Complete();

        /// <summary>The client's socket is reset.</summary>
        public void Reset() => _toServer.Writer.Complete(new IOException("Connection reset by peer"));

        public void Stop() => _connection.Stop();

        public void Dispose()
        {
            if (IsClosed)
                _connection.Dispose();
        }

        private static PipeOptions Options(long pause) =>
            new(readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: pause, resumeWriterThreshold: pause / 2, useSynchronizationContext: false);

        private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
    }
}
