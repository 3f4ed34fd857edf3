using System.Text.RegularExpressions;

namespace RaftKv.Tests.Unit.Architecture;

/// <summary>
/// Which folder may refer to which: only downwards. A folder that is not in the table is a violation too, so that a new one has to be given its place.
/// A folder inherits its parent's place, unless the table has places below that parent: then each folder there needs its own, and the parent, whose namespace all of them see,
/// lies below them and holds what they share: the words of the subject (interfaces, values, exceptions).
/// </summary>
internal static partial class LayerRules
{
    private const string Engine = "RaftKv.Engine", Consensus = "RaftKv.Consensus", Hosting = "RaftKv.Hosting", Server = "RaftKv.Server", Resp = "RaftKv.Server.Resp";
    private const string Buffers = $"{Engine}.Buffers", Io = $"{Engine}.Io", Wal = $"{Engine}.Wal", Store = $"{Engine}.Store", State = $"{Engine}.State", Commands = $"{State}.Commands";

    // From the bottom up. What a folder may use beside itself; a name ending in * stands for everything below it.
    private static readonly (string Folder, string[] MayUse)[] Table =
    [
        ("src/Engine/Buffers", [Engine]),
        ("src/Engine/Io", [Engine, Buffers]),
        ("src/Engine/Wal", [Engine]),
        ("src/Engine/Wal/Format", [Engine, Wal, Buffers, Io]),
        ("src/Engine/Wal/Index", [Engine, Wal, Buffers, Io, $"{Wal}.Format"]),
        ("src/Engine/Wal/Write", [Engine, Wal, Buffers, Io, $"{Wal}.Format", $"{Wal}.Index"]),
        ("src/Engine/Wal/Read", [Engine, Wal, Io, $"{Wal}.Format", $"{Wal}.Index"]),
        ("src/Engine/Wal/Compaction", [Engine, Wal, $"{Wal}.Format", $"{Wal}.Index", $"{Wal}.Write", $"{Wal}.Read"]),
        ("src/Engine/Wal/Recovery", [Engine, Wal, Buffers, Io, $"{Wal}.Format", $"{Wal}.Index"]),
        ("src/Engine/Wal/Log", [Engine, Wal, Buffers, Io, $"{Wal}.Format", $"{Wal}.Index", $"{Wal}.Write", $"{Wal}.Read", $"{Wal}.Compaction", $"{Wal}.Recovery"]),
        ("src/Engine/Store", [Engine, Buffers]),
        ("src/Engine/Store/Keys", [Engine, Store, Buffers]),
        ("src/Engine/Store/Snapshots", [Engine, Store, Buffers, Io]),
        ("src/Engine/Store/HybridLog", [Engine, Store, Buffers, Io, $"{Store}.Keys"]),
        ("src/Engine/Store/Checkpoints", [Engine, Store, Buffers, Io, $"{Store}.Keys", $"{Store}.HybridLog"]),
        ("src/Engine/Store/Memory", [Engine, Store, Buffers, Io, $"{Store}.Snapshots", $"{Store}.Checkpoints"]),
        ("src/Engine/Store/Faster", [Engine, Store, Buffers, Io, $"{Store}.Keys", $"{Store}.HybridLog", $"{Store}.Snapshots", $"{Store}.Checkpoints"]),
        ("src/Engine/State", [Engine]),
        ("src/Engine/State/Encoding", [Engine, State, Buffers]),
        ("src/Engine/State/Execution", [Engine, State, Buffers, Store, $"{State}.Encoding"]),
        ("src/Engine/State/Sessions", [Engine, State, Buffers, Store, $"{State}.Encoding", $"{State}.Execution"]),
        ("src/Engine/State/Commands/Strings", [Engine, State, Buffers, Store, $"{State}.Encoding", $"{State}.Execution"]),
        ("src/Engine/State/Commands/Keys", [Engine, State, Buffers, Store, $"{State}.Encoding", $"{State}.Execution"]),
        ("src/Engine/State/Commands/Batches", [Engine, State, Buffers, Store, $"{State}.Encoding", $"{State}.Execution"]),
        ("src/Engine/State/Commands/Control", [Engine, State, Buffers, Store, $"{State}.Encoding", $"{State}.Execution", $"{State}.Sessions"]),
        ("src/Engine/State/Machine", [Engine, State, Buffers, Store, $"{State}.Encoding", $"{State}.Execution", $"{State}.Sessions", $"{Commands}.Strings", $"{Commands}.Keys", $"{Commands}.Batches", $"{Commands}.Control"]),
        ("src/Engine", []),
        ("src/Consensus/Raft", [Engine, Buffers, Wal]),
        ("src/Consensus/Transport", [Engine, Buffers, Io]),
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
            if (!(HasPlacesBelow(folder) ? used == own : IsWithin(used, own)) && !mayUse.Any(m => m.EndsWith('*') ? IsWithin(used, m[..^1]) : used == m))
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
        foreach (var row in Table)
        {
            if (folder == row.Folder || (!HasPlacesBelow(row.Folder) && folder.StartsWith(row.Folder + "/", StringComparison.Ordinal)))
                return row;
        }
        return null;
    }

    private static bool HasPlacesBelow(string folder) => Table.Any(row => row.Folder.StartsWith(folder + "/", StringComparison.Ordinal));

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

    [GeneratedRegex(@"(?<![\w.""])(?:RaftKv\.)?((?:Engine|Consensus|Hosting)\.(?:Buffers|Io|Raft|Transport|Groups|Placement|Tenants|Transactions|(?:Wal|Store|State)(?:\.(?:Format|Index|Write|Read|Compaction|Recovery|Log|Keys|HybridLog|Snapshots|Checkpoints|Memory|Faster|Encoding|Execution|Sessions|Machine|Commands(?:\.(?:Strings|Keys|Batches|Control))?))?))\.")]
    private static partial Regex Qualified();

    [GeneratedRegex(@"(?<![\w.""])(?:RaftKv\.)?(?:Server\.)?(?:Resp\.)?(Protocol|Execution|Commands|Connections)\.(?=[A-Z])")]
    private static partial Regex Relative();

    [GeneratedRegex(@"^namespace ([\w.]+)\s*[;{]", RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
