using System.Net;
using System.Net.Sockets;
using System.Text;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Hosting;

namespace RaftKv.Tests.Unit.Hosting;

/// <summary>A real cluster inside the test process: real files, real sockets on the loopback address.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("raftkv-test-").FullName;
    private readonly Action<RaftKvOptions>? _configure;
    private readonly RaftKvMember[] _members;

    public TestCluster(int nodes, Action<RaftKvOptions>? configure = null)
    {
        _configure = configure;
        _members = [.. FreePorts(nodes).Select((port, i) => new RaftKvMember($"n{i + 1}", $"127.0.0.1:{port}"))];
        Nodes = new RaftKvNode?[nodes];
    }

    public RaftKvNode?[] Nodes { get; }

    public RaftKvNode this[int i] => Nodes[i] ?? throw new InvalidOperationException($"node {i} is not running");

    public string DirectoryOf(int i) => Path.Combine(_directory, _members[i].Name);

    public RaftKvOptions OptionsOf(int i)
    {
        var options = new RaftKvOptions { NodeName = _members[i].Name, DataDirectory = DirectoryOf(i), Members = _members, Groups = 2, StoreMemoryBytes = 128 << 20, LogSegmentBytes = 4 << 20 };
        _configure?.Invoke(options);
        return options;
    }

    public async Task<RaftKvNode> StartAsync(int i) => Nodes[i] = await RaftKvNode.StartAsync(OptionsOf(i));

    public async Task StartAllAsync()
    {
        for (var i = 0; i < Nodes.Length; i++)
            await StartAsync(i);
    }

    public async Task StopAsync(int i)
    {
        await this[i].StopAsync();
        Nodes[i] = null;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
        {
            if (node is not null)
                await node.DisposeAsync();
        }

        Directory.Delete(_directory, recursive: true);
    }

    public static async Task<ResultStatus> PutAsync(RaftKvNode node, string key, string value)
    {
        var operation = new AwaitedOperation(OperationKind.Write, node);
        PutCommand.Encode(operation.Command, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));
        await operation.RunAsync();
        return new CommandResult(operation.Result.Span).Status;
    }

    public static async Task<long> IncrementAsync(RaftKvNode node, string key)
    {
        var operation = new AwaitedOperation(OperationKind.Write, node);
        IncrementCommand.Encode(operation.Command, Encoding.UTF8.GetBytes(key), 1);
        await operation.RunAsync();
        return new CommandResult(operation.Result.Span).Number;
    }

    public static async Task<string?> GetAsync(RaftKvNode node, string key, OperationKind kind = OperationKind.Read)
    {
        var operation = new AwaitedOperation(kind, node);
        GetCommand.Encode(operation.Command, Encoding.UTF8.GetBytes(key));
        await operation.RunAsync();
        var result = new CommandResult(operation.Result.Span);
        return result.Status == ResultStatus.NotFound ? null : Encoding.UTF8.GetString(result.Value);
    }

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        foreach (var listener in listeners)
            listener.Start();
        var ports = listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port).ToArray();
        foreach (var listener in listeners)
            listener.Stop();
        return ports;
    }

    private sealed class AwaitedOperation : Operation
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly RaftKvNode _node;

        public AwaitedOperation(OperationKind kind, RaftKvNode node)
        {
            _node = node;
            Kind = kind;
            Group = node.DefaultGroup;
            Deadline = node.Executor.Now + 10_000_000_000;
        }

        public async Task RunAsync()
        {
            _node.Executor.Submit(this);
            await _done.Task;
            if (Status != OperationStatus.Completed)
                throw new InvalidOperationException($"{Status}: {Reason}");
        }

        protected internal override void OnCompleted() => _done.SetResult();
    }
}
