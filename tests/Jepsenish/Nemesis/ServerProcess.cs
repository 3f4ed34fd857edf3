using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>
/// One process of the host, started by this one and signalled by its process id only. Its standard error is appended to a log file.
/// Invariant: a signal is never sent to a process that has been waited for, whose id may belong to somebody else.
/// </summary>
internal sealed partial class ServerProcess : IDisposable
{
    private const int SigKill = 9, SigTerm = 15, SigCont = 18, SigStop = 19;

    private readonly Process _process;
    private readonly List<string> _errors = [];
    private readonly TaskCompletionSource<string?> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TextWriter _log;

    private ServerProcess(Process process, TextWriter log) => (_process, _log) = (process, log);

    /// <summary>The process id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it runs (or is stopped by a signal).</summary>
    public bool IsAlive => !_process.HasExited;

    /// <summary>Its exit code, once it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Whether the harness asked it to end; any other end is a finding.</summary>
    public bool IsExpectedToEnd { get; private set; }

    /// <summary>Whether it is frozen.</summary>
    public bool IsPaused { get; private set; }

    /// <summary>The first line of its standard output; null if it ended without one.</summary>
    public Task<string?> Ready => _ready.Task;

    /// <summary>What it wrote to standard error so far.</summary>
    public IReadOnlyList<string> Errors
    {
        get
        {
            lock (_errors)
                return [.. _errors];
        }
    }

    /// <summary>The last line of standard error so far: why it ended, if it did.</summary>
    public string LastError => Errors is { Count: > 0 } all ? all[^1] : "it said nothing";

    /// <summary>The memory that it holds now, as the system counts it; 0 where the system does not say.</summary>
    public long ResidentBytes
    {
        get
        {
            try
            {
                var line = File.ReadLines($"/proc/{Id}/status").FirstOrDefault(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
                return line is null ? 0 : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
            }
            catch (IOException)
            {
                return 0; // It has ended.
            }
        }
    }

    /// <summary>Starts the host.</summary>
    /// <param name="executable">Of the host.</param>
    /// <param name="arguments">For it.</param>
    /// <param name="logFile">Where its standard error goes.</param>
    /// <param name="environment">What is added to ours.</param>
    /// <param name="descriptors">How many it may have; 0 for as many as this process. A shell sets the limit and becomes the host, so that the process id is the host's.</param>
    public static ServerProcess Start(string executable, IEnumerable<string> arguments, string logFile, IReadOnlyDictionary<string, string>? environment = null, int descriptors = 0)
    {
        var start = new ProcessStartInfo(descriptors == 0 ? executable : "/bin/sh") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in descriptors == 0 ? Array.Empty<string>() : ["-c", $"ulimit -n {descriptors}; exec \"$0\" \"$@\"", executable])
            start.ArgumentList.Add(argument);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        // A test host's own settings must not leak into the process under test.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("DOTNET_STARTUP", StringComparison.Ordinal) || k.StartsWith("CORECLR_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        var log = TextWriter.Synchronized(new StreamWriter(logFile, append: true) { AutoFlush = true });
        var process = new Process { StartInfo = start };
        var server = new ServerProcess(process, log);
        process.OutputDataReceived += (_, e) => server.OnOutput(e.Data);
        process.ErrorDataReceived += (_, e) => server.OnError(e.Data);
        process.Start();
        log.WriteLine($"--- process {process.Id}: {executable} {string.Join(' ', start.ArgumentList)}");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return server;
    }

    /// <summary>Ends it at once, as a crash would; returns when it is gone.</summary>
    public async Task KillAsync()
    {
        IsExpectedToEnd = true;
        Signal(SigKill);
        await _process.WaitForExitAsync();
    }

    /// <summary>Asks it to stop; returns its exit code, or null if it took too long and was killed.</summary>
    public async Task<int?> TerminateAsync(TimeSpan patience)
    {
        IsExpectedToEnd = true;
        Signal(SigTerm);
        if (await WaitAsync(patience))
            return ExitCode;
        await KillAsync();
        return null;
    }

    /// <summary>Whether it ends by itself within the time.</summary>
    public async Task<bool> WaitAsync(TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        await _process.WaitForExitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return _process.HasExited;
    }

    /// <summary>Whether it may end by itself from now on, because its disk fails.</summary>
    public void ExpectEnd(bool expect) => IsExpectedToEnd = expect;

    /// <summary>Freezes it: it keeps its connections and does nothing.</summary>
    public void Pause()
    {
        IsPaused = true;
        Signal(SigStop);
    }

    /// <summary>Lets it go on.</summary>
    public void Resume()
    {
        IsPaused = false;
        Signal(SigCont);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        IsExpectedToEnd = true;
        Signal(SigKill);
        _process.WaitForExit();
        _process.Dispose();
        _log.Dispose();
    }

    private void OnOutput(string? line)
    {
        _ready.TrySetResult(line);
        if (line is not null)
            _log.WriteLine($"stdout: {line}");
    }

    private void OnError(string? line)
    {
        if (line is null)
            return;
        lock (_errors)
            _errors.Add(line);
        _log.WriteLine(line);
    }

    private void Signal(int signal)
    {
        if (!_process.HasExited && SendSignal(_process.Id, signal) != 0 && !_process.HasExited)
            throw new InvalidOperationException($"signal {signal} to process {_process.Id} failed with error {Marshal.GetLastPInvokeError()}");
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);
}
