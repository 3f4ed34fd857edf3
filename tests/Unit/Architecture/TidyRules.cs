using System.Text.RegularExpressions;

namespace RaftKv.Tests.Unit.Architecture;

/// <summary>How the code must read, as far as text can tell. Each ban names what to do instead.</summary>
internal static partial class TidyRules
{
    /// <summary>Lines in one file: beyond it there are two ideas in it.</summary>
    public const int MaxLines = 600;

    /// <summary>Lines of a type that shares the file of another: a small companion.</summary>
    public const int MaxCompanionLines = 60;

    /// <summary>The one file that may wait for real time, on behalf of tests with real processes.</summary>
    private const string RealTime = "tests/Jepsenish/Nemesis/RealTime.cs";

    /// <summary>All that is wrong with a file: one sentence each.</summary>
    public static IEnumerable<string> Violations(SourceTree.SourceFile file) =>
        Length(file).Concat(MainType(file)).Concat(Sleeps(file)).Concat(LeftForLater(file)).Concat(SwallowedExceptions(file)).Concat(SkippedTests(file)).Select(v => $"{file.Path}: {v}");

    private static IEnumerable<string> Length(SourceTree.SourceFile file)
    {
        var lines = file.Text.Count(c => c == '\n');
        if (lines > MaxLines)
            yield return $"{lines} lines, at most {MaxLines} are allowed: give each idea a file";
    }

    private static IEnumerable<string> MainType(SourceTree.SourceFile file)
    {
        // Nothing is indented at the top level of a file, and everything below it is.
        var types = TopLevelType().Matches(file.Code).Select(m => m.Groups["name"].Value).ToList();
        var name = file.Path[(file.Path.LastIndexOf('/') + 1)..].Split('.')[0];
        if (types.Count > 0 && !types.Contains(name))
            yield return $"no type {name} in it but {string.Join(", ", types)}: a file is named after its main type";
        foreach (var (type, lines) in Companions(file.Text, name))
        {
            if (lines > MaxCompanionLines)
                yield return $"{type} has {lines} lines beside the main type, at most {MaxCompanionLines} are allowed: give it a file of its own";
        }
    }

    private static IEnumerable<(string Type, int Lines)> Companions(string text, string main)
    {
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (TopLevelType().Match(lines[i]) is not { Success: true } match || match.Groups["name"].Value == main)
                continue;
            var end = Array.FindIndex(lines, i, l => l.StartsWith('}') || (l.EndsWith(';') && !l.StartsWith(' ')));
            yield return (match.Groups["name"].Value, (end < 0 ? lines.Length : end) - i + 1);
        }
    }

    private static IEnumerable<string> Sleeps(SourceTree.SourceFile file)
    {
        if (!file.Path.StartsWith("tests/", StringComparison.Ordinal) || file.Path == RealTime)
            yield break;
        if (Sleep().IsMatch(file.Code))
            yield return $"it sleeps: drive time by hand, or wait for the event itself; with real processes use {RealTime}";
    }

    private static IEnumerable<string> LeftForLater(SourceTree.SourceFile file)
    {
        if (Later().Match(file.Text) is { Success: true } match)
            yield return $"{match.Value}: do it, or say in a sentence why it is as it is";
        if (NotImplemented().IsMatch(file.Code))
            yield return "unfinished code: do it, or leave the member out";
    }

    private static IEnumerable<string> SwallowedExceptions(SourceTree.SourceFile file)
    {
        if (EmptyCatch().IsMatch(file.Text) || EmptyCatchOfAnything().IsMatch(file.Code))
            yield return "an empty catch: handle it; or name the type, and say in the block why nothing has to be done";
    }

    private static IEnumerable<string> SkippedTests(SourceTree.SourceFile file)
    {
        if (file.Path.StartsWith("tests/", StringComparison.Ordinal) && Skip().IsMatch(file.Code))
            yield return "a test that is switched off: make it pass, or delete it";
    }

    [GeneratedRegex(@"^(?:(?:public|internal|file|static|sealed|abstract|partial|readonly|ref|unsafe) )*(?:class|struct|interface|enum|record struct|record|delegate [\w<>?\[\]]+) (?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex TopLevelType();

    [GeneratedRegex(@"\bThread\.Sleep\b|\bTask\.Delay\(")]
    private static partial Regex Sleep();

    [GeneratedRegex(@"\b(?:TODO|FIXME|HACK|XXX)\b")]
    private static partial Regex Later();

    [GeneratedRegex(@"\bNotImplementedException\b")]
    private static partial Regex NotImplemented();

    [GeneratedRegex(@"\bcatch\s*(?:\([^)]*\))?\s*(?:when\s*\([^{]*\))?\s*\{\s*\}")]
    private static partial Regex EmptyCatch();

    [GeneratedRegex(@"\bcatch\s*(?:\(Exception\s*\w*\))?\s*\{\s*\}")]
    private static partial Regex EmptyCatchOfAnything();

    [GeneratedRegex(@"\bSkip\s*=\s*""")]
    private static partial Regex Skip();
}
