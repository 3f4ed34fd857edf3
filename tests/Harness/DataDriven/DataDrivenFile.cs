using System.Text;
using RaftKv.Engine;

namespace RaftKv.Tests.Harness.DataDriven;

/// <summary>
/// Tests as scripts (the cockroachdb/datadriven format): comments, a command line, input lines, <c>----</c>, the expected output, a blank line.
/// With RAFTKV_REWRITE=1 the expected outputs are replaced by the actual ones; the difference is then read, and committed, by a person.
/// </summary>
public static class DataDrivenFile
{
    /// <summary>Runs every command of a file; returns a description of the first difference, or null.</summary>
    public static string? Run(string path, Func<DataDrivenCommand, string> execute)
    {
        var lines = File.ReadAllText(path).Split('\n');
        var rewritten = new StringBuilder();
        string? difference = null;
        var i = 0;
        while (i < lines.Length)
        {
            if (lines[i].Length == 0 || lines[i].StartsWith('#'))
            {
                rewritten.Append(lines[i]).Append(i + 1 < lines.Length ? "\n" : "");
                i++;
                continue;
            }

            var line = i + 1;
            var input = Until(lines, ref i, "----");
            var expected = Until(lines, ref i, "");
            var actual = execute(DataDrivenCommand.Parse(input, line)).TrimEnd('\n');
            rewritten.AppendJoin('\n', input).Append("\n----\n").Append(actual).Append(actual.Length > 0 ? "\n\n" : "\n");
            if (actual != string.Join('\n', expected).TrimEnd('\n'))
                difference ??= $"{Path.GetFileName(path)}:{line}: {string.Join(" | ", input)}\nexpected:\n{string.Join('\n', expected)}\nactual:\n{actual}";
        }

        if (Environment.GetEnvironmentVariable("RAFTKV_REWRITE") != "1")
            return difference;
        File.WriteAllText(path, rewritten.ToString().TrimEnd('\n') + "\n");
        return null;
    }

    /// <summary>The folder <c>shared/fixtures</c> beside the repository, found by walking up from the test assembly; null if there is none.</summary>
    public static string? FindSharedFixtures()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", "fixtures");
            if (Directory.Exists(candidate))
                return candidate;
        }

        return null;
    }

    /// <summary>A folder of this repository, found by walking up from the test assembly to the solution.</summary>
    public static string FindInRepository(string relative)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "RaftKv.sln")))
            folder = folder.Parent;
        Invariant.That(folder is not null, "the tests do not run from inside the repository");
        return Path.Combine(folder.FullName, relative);
    }

    private static List<string> Until(string[] lines, ref int i, string end)
    {
        var taken = new List<string>();
        while (i < lines.Length && lines[i] != end)
            taken.Add(lines[i++]);
        i++;
        return taken;
    }
}
