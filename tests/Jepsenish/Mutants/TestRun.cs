using System.Xml.Linq;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>A run of some tests of a built test project, as its report tells it.</summary>
/// <param name="Total">How many the filter chose and were run.</param>
/// <param name="Failed">The names of those that failed.</param>
internal sealed record TestRun(int Total, IReadOnlyList<string> Failed)
{
    /// <summary>Runs the tests of an assembly that a filter names; null, with why, when the run did not get so far as to report.</summary>
    public static async Task<(TestRun? Run, string Why)> OfAsync(string assembly, string filter, TimeSpan limit, CancellationToken cancellation)
    {
        var report = Path.Combine(Path.GetDirectoryName(assembly)!, $"{Guid.NewGuid():n}.trx");
        string[] arguments = ["test", assembly, "--filter", filter, "--logger", $"trx;LogFileName={report}", "--results-directory", Path.GetDirectoryName(assembly)!];
        var ended = await ChildProcess.RunDotnetAsync(Repository.Root, arguments, limit, cancellation);
        if (ended.ExitCode is null)
            return (null, $"the tests ran for more than {limit.TotalSeconds:F0} s");
        return File.Exists(report) ? (Parse(XDocument.Load(report)), "") : (null, $"no report of the tests; exit code {ended.ExitCode}: {ended.Tail}");
    }

    /// <summary>Reads a report in the format trx.</summary>
    public static TestRun Parse(XDocument report)
    {
        List<XElement> results = [.. report.Descendants().Where(e => e.Name.LocalName == "UnitTestResult" && (string?)e.Attribute("outcome") != "NotExecuted")];
        return new TestRun(results.Count, [.. results.Where(r => (string?)r.Attribute("outcome") != "Passed").Select(r => (string?)r.Attribute("testName") ?? "a test without a name")]);
    }
}
