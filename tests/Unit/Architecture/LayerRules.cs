using System.Text.RegularExpressions;

namespace RaftKv.Tests.Unit.Architecture;

/// <summary>
/// Which folder may refer to which: only downwards. A folder that is not in the table is a violation too, so that a new one has to be given its place.
/// </summary>
internal static partial class LayerRules
{
    private const string Engine = "RaftKv.Engine", Consensus = "RaftKv.Consensus", Hosting = "RaftKv.Hosting", Server = "RaftKv.Server", Resp = "RaftKv.Server.Resp";

    // From the bottom up. What a folder may use beside itself; a name ending in * stands for everything below it.
    private static readonly (string Folder, string[] MayUse)[] Table =
    [
        ("src/Engine/Buffers", [Engine]),
        ("src/Engine/Io", [Engine, $"{Engine}.Buffers"]),
        ("src/Engine/Wal", [Engine, $"{Engine}.Buffers", $"{Engine}.Io"]),
        ("src/Engine/Store", [Engine, $"{Engine}.Buffers", $"{Engine}.Io"]),
        ("src/Engine/Commands", [Engine, $"{Engine}.Buffers", $"{Engine}.Store"]),
        ("src/Engine", []),
        ("src/Consensus/Raft", [Engine, $"{Engine}.Buffers", $"{Engine}.Wal"]),
        ("src/Consensus/Transport", [Engine, $"{Engine}.Buffers", $"{Engine}.Io"]),
        ("src/Consensus/Groups", [$"{Engine}*", $"{Consensus}.Raft*", $"{Consensus}.Transport"]),
        ("src/Consensus/Placement", [$"{Engine}*", $"{Consensus}.Groups"]),
        ("src/Consensus/Tenants", [$"{Engine}*", $"{Consensus}.Groups", $"{Consensus}.Placement"]),
        ("src/Consensus/Transactions", [$"{Engine}*", $"{Consensus}.Groups", $"{Consensus}.Placement", $"{Consensus}.Tenants"]),
        ("src/Hosting", [$"{Engine}*", $"{Consensus}*"]),
        ("src/Server/Resp/Protocol", [Engine, $"{Engine}.Buffers"]),
        ("src/Server/Resp/Execution", [$"{Engine}*", $"{Consensus}*", Hosting, $"{Resp}.Protocol"]),
        ("src/Server/Resp/Commands", [$"{Engine}*", $"{Consensus}*", Hosting, $"{Resp}.Protocol", $"{Resp}.Execution"]),
        ("src/Server/Resp/Connections", [$"{Engine}*", $"{Consensus}*", $"{Resp}.Protocol", $"{Resp}.Execution", $"{Resp}.Commands"]),
        ("src/Server/Http", [$"{Consensus}*", Hosting]),
        ("src/Server/Listeners", [$"{Engine}.Io", $"{Resp}.Connections", $"{Server}.Http"]),
        ("src/Server/Cli", [$"{Engine}*", $"{Consensus}*", $"{Hosting}*", $"{Resp}*", $"{Server}.Http", $"{Server}.Listeners"]),
        ("src/Server", [$"{Server}.Cli"]),
    ];

    /// <summary>What is wrong with a file's references: one sentence each.</summary>
    public static IEnumerable<string> Violations(SourceTree.SourceFile file)
    {
        if (Find(file.Folder) is not var (folder, mayUse))
        {
            yield return $"{file.Path}: {file.Folder} has no place in the layers; give it one in LayerRules";
            yield break;
        }
        var own = NamespaceOf(folder);
        foreach (var used in References(file))
        {
            if (!IsWithin(used, own) && !mayUse.Any(m => m.EndsWith('*') ? IsWithin(used, m[..^1]) : used == m))
                yield return $"{file.Path}: {folder} may not use {used}; turn the dependency round, or move the code to the layer that owns it";
        }
    }

    /// <summary>What is wrong with a file's namespace: it is its folder. The Raft core alone is one namespace in several folders, because its parts know each other.</summary>
    public static IEnumerable<string> NamespaceViolations(SourceTree.SourceFile file)
    {
        var declared = Declaration().Match(file.Text);
        var expected = NamespaceOf(file.Folder);
        if (declared.Success && declared.Groups[1].Value != expected && !(declared.Groups[1].Value == "RaftKv.Consensus.Raft" && IsWithin(expected, "RaftKv.Consensus.Raft")))
            yield return $"{file.Path}: namespace {declared.Groups[1].Value}, its folder says {expected}";
    }

    private static (string Folder, string[] MayUse)? Find(string folder)
    {
        // A folder inherits its parent's place, except right below Engine, Consensus and Server, where each has its own.
        foreach (var row in Table)
        {
            if (folder == row.Folder || (row.Folder is not ("src/Engine" or "src/Server") && folder.StartsWith(row.Folder + "/", StringComparison.Ordinal)))
                return row;
        }
        return null;
    }

    private static IEnumerable<string> References(SourceTree.SourceFile file)
    {
        var code = file.Code;
        var usings = Using().Matches(code).Select(m => m.Groups[1].Value);
        // Engine.Wal.Something, with or without RaftKv in front of it.
        var qualified = Qualified().Matches(Using().Replace(Declaration().Replace(code, ""), "")).Select(m => $"RaftKv.{m.Groups[1].Value}");
        // Protocol.Something: the folders of RESP see each other's names without more.
        var relative = file.Path.StartsWith("src/Server/Resp/", StringComparison.Ordinal) ? Relative().Matches(code).Select(m => $"{Resp}.{m.Groups[1].Value}") : [];
        return usings.Concat(qualified).Concat(relative).Distinct();
    }

    private static string NamespaceOf(string folder) => "RaftKv." + folder["src/".Length..].Replace('/', '.');

    private static bool IsWithin(string name, string space) => name == space || name.StartsWith(space + ".", StringComparison.Ordinal);

    [GeneratedRegex(@"^\s*(?:global )?using (?:static )?(?:\w+ = )?(RaftKv(?:\.\w+)*?)(?:\.(?:Invariant|\w+<.*>))?;", RegexOptions.Multiline)]
    private static partial Regex Using();

    [GeneratedRegex(@"(?<![\w.""])(?:RaftKv\.)?((?:Engine|Consensus|Hosting)\.(?:Buffers|Io|Wal|Store|Commands|Raft|Transport|Groups|Placement|Tenants|Transactions))\.")]
    private static partial Regex Qualified();

    [GeneratedRegex(@"(?<![\w.""])(?:RaftKv\.)?(?:Server\.)?(?:Resp\.)?(Protocol|Execution|Commands|Connections)\.(?=[A-Z])")]
    private static partial Regex Relative();

    [GeneratedRegex(@"^namespace ([\w.]+)\s*[;{]", RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
