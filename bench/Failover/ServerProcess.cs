using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace RaftKv.Bench.Failover;

/// <summary>One <c>raftkv serve</c> of a cluster on loopback.</summary>
public sealed class ServerProcess : IDisposable
{
    private readonly string _program;
    private readonly string _arguments;
    private readonly string _log;
    private Process? _process;

    private ServerProcess(string id, string program, string arguments, string log, int respPort, int httpPort) =>
        (Id, _program, _arguments, _log, RespPort, HttpPort) = (id, program, arguments, log, respPort, httpPort);

    /// <summary>The node's name.</summary>
    public string Id { get; }

    /// <summary>Port of the Redis protocol.</summary>
    public int RespPort { get; }

    /// <summary>Port of HTTP.</summary>
    public int HttpPort { get; }

    /// <summary>Describes the nodes of a new cluster, with free ports and directories below <paramref name="directory"/>.</summary>
    public static IReadOnlyList<ServerProcess> Cluster(string program, int nodes, string directory, string extraArguments)
    {
        var ports = FreePorts(nodes * 3);
        var members = string.Join(',', Enumerable.Range(0, nodes).Select(i => $"n{i + 1}=127.0.0.1:{ports[i]}"));
        return [.. Enumerable.Range(0, nodes).Select(i =>
        {
            var (id, resp, http) = ($"n{i + 1}", ports[nodes + i], ports[(2 * nodes) + i]);
            var arguments = $"serve --id {id} --data \"{Path.Combine(directory, id)}\" --cluster {members} --resp 127.0.0.1:{resp} --http 127.0.0.1:{http} {extraArguments}";
            return new ServerProcess(id, program, arguments, Path.Combine(directory, $"{id}.log"), resp, http);
        })];
    }

    /// <summary>Starts it; its output goes to a log file beside its directory.</summary>
    public void Start()
    {
        var isLibrary = _program.EndsWith(".dll", StringComparison.OrdinalIgnoreCase);
        _process = Process.Start(new ProcessStartInfo(isLibrary ? "dotnet" : _program, isLibrary ? $"\"{_program}\" {_arguments}" : _arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }) ?? throw new InvalidOperationException($"{_program} did not start");
        _process.OutputDataReceived += (_, line) => Log(line.Data);
        _process.ErrorDataReceived += (_, line) => Log(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Throws if it has ended by itself.</summary>
    public void CheckAlive()
    {
        if (_process is { HasExited: true } ended)
            throw new InvalidOperationException($"{Id} ended with code {ended.ExitCode}; see {_log}");
    }

    /// <summary>kill -9.</summary>
    public void Kill()
    {
        _process?.Kill();
        _process?.WaitForExit();
        _process?.Dispose();
        _process = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Kill();

    private void Log(string? line)
    {
        if (line is null)
            return;
        lock (_log)
            File.AppendAllText(_log, line + Environment.NewLine);
    }

    private static List<int> FreePorts(int count)
    {
        // All are held at once, so that no port is drawn twice.
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(listener => listener.Start());
        var ports = listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port).ToList();
        listeners.ForEach(listener => listener.Dispose());
        return ports;
    }
}
