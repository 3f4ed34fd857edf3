using System.Diagnostics;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>A program that is run to its end, or to a limit, with its output kept.</summary>
internal static class ChildProcess
{
    /// <summary>How it ended, and the lines of both its outputs in the order of their arrival.</summary>
    /// <param name="ExitCode">Null when the limit came first.</param>
    /// <param name="Lines">Its output.</param>
    internal sealed record Result(int? ExitCode, IReadOnlyList<string> Lines)
    {
        /// <summary>The last lines, for a message.</summary>
        public string Tail => string.Join('\n', Lines.TakeLast(15));
    }

    /// <summary>Runs <c>dotnet</c> with these arguments in a directory. What it started is ended with it when the limit or the cancellation comes first.</summary>
    public static async Task<Result> RunDotnetAsync(string directory, IEnumerable<string> arguments, TimeSpan limit, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        // No build server that outlives the run and its directories.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        var lines = new List<string>();
        void Take(string? line)
        {
            if (line is null)
                return;
            lock (lines)
                lines.Add(line);
        }

        using var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, e) => Take(e.Data);
        process.ErrorDataReceived += (_, e) => Take(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        end.CancelAfter(limit);
        int? exitCode = null;
        try
        {
            await process.WaitForExitAsync(end.Token);
            exitCode = process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }

        cancellation.ThrowIfCancellationRequested();
        lock (lines)
            return new Result(exitCode, [.. lines]);
    }
}
