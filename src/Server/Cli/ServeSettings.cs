using System.Text.Json;
using RaftKv.Hosting;

namespace RaftKv.Server.Cli;

/// <summary>
/// What <c>raftkv serve</c> was told, by flags or by a JSON file: { "id", "data", "cluster", "resp", "http", "groups", ... }. A flag wins over the file.
/// Every field can be absent here; <see cref="ToOptions"/> says which are needed.
/// </summary>
internal sealed record ServeSettings
{
    public const string DefaultResp = "127.0.0.1:6379";
    public const string DefaultHttp = "127.0.0.1:8080";

    /// <summary>What the options of the code are called where an operator writes them.</summary>
    private static readonly Dictionary<string, string> Typed = new(StringComparer.Ordinal)
    {
        [nameof(RaftKvOptions.NodeName)] = "--id",
        [nameof(RaftKvOptions.DataDirectory)] = "--data",
        [nameof(RaftKvOptions.Members)] = "--cluster",
        [nameof(RaftKvOptions.ListenAddress)] = "--listen",
        [nameof(RaftKvOptions.ClusterName)] = "--cluster-name",
        [nameof(RaftKvOptions.Groups)] = "--groups",
        [nameof(RaftKvOptions.Shards)] = "shards",
        [nameof(RaftKvOptions.MaxKeyBytes)] = "maxKeyBytes",
        [nameof(RaftKvOptions.MaxValueBytes)] = "maxValueBytes",
        [nameof(RaftKvOptions.ElectionTimeout)] = "electionTimeoutMs",
        [nameof(RaftKvOptions.HeartbeatInterval)] = "heartbeatIntervalMs",
        [nameof(RaftKvOptions.LeaderLeaseDuration)] = "leaderLeaseMs",
        [nameof(RaftKvOptions.RequestTimeout)] = "requestTimeoutMs",
        [nameof(RaftKvOptions.StoreMemoryBytes)] = "storeMemoryBytes",
        [nameof(RaftKvOptions.LogSegmentBytes)] = "logSegmentBytes",
        [nameof(RaftKvOptions.CheckpointBytes)] = "checkpointBytes",
    };

    public string? Id { get; init; }

    public string? Data { get; init; }

    /// <summary>n1=host:port,n2=host:port,...</summary>
    public string? Cluster { get; init; }

    /// <summary>Where peers connect, if not at the address in <see cref="Cluster"/>.</summary>
    public string? Listen { get; init; }

    public string? Resp { get; init; }

    public string? Http { get; init; }

    /// <summary>Tells the cluster from others with the same node names.</summary>
    public string? ClusterName { get; init; }

    public int? Groups { get; init; }

    public int? Shards { get; init; }

    public int? MaxKeyBytes { get; init; }

    public int? MaxValueBytes { get; init; }

    public int? ElectionTimeoutMs { get; init; }

    public int? HeartbeatIntervalMs { get; init; }

    public int? LeaderLeaseMs { get; init; }

    public int? RequestTimeoutMs { get; init; }

    public long? StoreMemoryBytes { get; init; }

    public long? LogSegmentBytes { get; init; }

    public long? CheckpointBytes { get; init; }

    /// <summary>Reads a configuration file.</summary>
    /// <exception cref="CommandLineException">It cannot be read, is no JSON object, or has a field that is not known or not of its type.</exception>
    public static ServeSettings Load(string path)
    {
        if (Directory.Exists(path))
            throw CommandLineException.Usage($"{path}: is a directory, not a file");
        try
        {
            // Some editors begin a file with a byte order mark.
            var text = File.ReadAllBytes(path).AsMemory();
            if (text.Span.StartsWith("\uFEFF"u8))
                text = text[3..];
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw CommandLineException.Usage($"{path}: the file must hold one JSON object");
            var settings = new ServeSettings();
            var met = new HashSet<string>(StringComparer.Ordinal);
            foreach (var field in document.RootElement.EnumerateObject())
            {
                if (!met.Add(field.Name))
                    throw CommandLineException.Usage($"{path}: the field '{field.Name}' stands there twice");
                settings = settings.With(path, field);
            }

            return settings;
        }
        catch (JsonException e)
        {
            throw CommandLineException.Usage($"{path}: not valid JSON at line {e.LineNumber + 1}");
        }
        catch (InvalidOperationException)
        {
            // The parser looks at the bytes of a text only when it is asked for.
            throw CommandLineException.Usage($"{path}: a text in it is not valid UTF-8");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CommandLineException.Usage($"{path}: cannot be read: {e.Message}");
        }
    }

    /// <summary>These settings where they are given, those of <paramref name="file"/> elsewhere.</summary>
    public ServeSettings Over(ServeSettings file) => file with
    {
        Id = Id ?? file.Id,
        Data = Data ?? file.Data,
        Cluster = Cluster ?? file.Cluster,
        Listen = Listen ?? file.Listen,
        Resp = Resp ?? file.Resp,
        Http = Http ?? file.Http,
        ClusterName = ClusterName ?? file.ClusterName,
        Groups = Groups ?? file.Groups,
    };

    /// <summary>What the node is to be started with.</summary>
    /// <exception cref="CommandLineException">Something needed is missing, or a value is out of range: it is named.</exception>
    public RaftKvOptions ToOptions()
    {
        var options = new RaftKvOptions
        {
            NodeName = Id ?? throw CommandLineException.Usage("--id is missing: the name of this node, one of those in --cluster"),
            DataDirectory = Data ?? throw CommandLineException.Usage("--data is missing: the directory for this node's data"),
            Members = ParseCluster(Cluster ?? throw CommandLineException.Usage("--cluster is missing: all nodes, as in n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003")),
        };
        options.ListenAddress = Listen;
        options.ClusterName = ClusterName;
        if (Groups == 0)
            throw CommandLineException.Usage("--groups: 0 is no number from 1 to 1024");
        options.Groups = Groups ?? options.Groups;
        options.Shards = Shards ?? options.Shards;
        options.MaxKeyBytes = MaxKeyBytes ?? options.MaxKeyBytes;
        options.MaxValueBytes = MaxValueBytes ?? options.MaxValueBytes;
        options.ElectionTimeout = Milliseconds(ElectionTimeoutMs) ?? options.ElectionTimeout;
        options.HeartbeatInterval = Milliseconds(HeartbeatIntervalMs) ?? options.HeartbeatInterval;
        options.LeaderLeaseDuration = Milliseconds(LeaderLeaseMs) ?? options.LeaderLeaseDuration;
        options.RequestTimeout = Milliseconds(RequestTimeoutMs) ?? options.RequestTimeout;
        options.StoreMemoryBytes = StoreMemoryBytes ?? options.StoreMemoryBytes;
        options.LogSegmentBytes = LogSegmentBytes ?? options.LogSegmentBytes;
        options.CheckpointBytes = CheckpointBytes ?? options.CheckpointBytes;
        try
        {
            options.Validate();
        }
        catch (ArgumentException e)
        {
            throw new CommandLineException(ExitCode.Usage, AsTyped(e.Message), e);
        }
        return options;
    }

    /// <summary>The sentence with the flags and fields that an operator types in place of the options of the code.</summary>
    private static string AsTyped(string sentence)
    {
        // "Field is 'value', allowed is: ..." or "Field: 'value' is ...", where a limit may end with the name of another field. What stands between was typed, and stays.
        var quote = sentence.IndexOf('\'', StringComparison.Ordinal);
        if (quote < 0)
            return sentence;
        var (field, rest) = (sentence[..quote], sentence[quote..]);
        foreach (var (name, typed) in Typed)
        {
            field = field.Replace(name, typed, StringComparison.Ordinal);
            if (rest.EndsWith($" {name}.", StringComparison.Ordinal))
                rest = $"{rest[..^(name.Length + 1)]}{typed}.";
        }

        return field + rest;
    }

    private static TimeSpan? Milliseconds(int? value) => value is null ? null : TimeSpan.FromMilliseconds(value.Value);

    private static List<RaftKvMember> ParseCluster(string text)
    {
        var members = new List<RaftKvMember>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw CommandLineException.Usage($"--cluster: '{part}' is not of the form NAME=HOST:PORT");
            members.Add(new RaftKvMember(part[..equals], part[(equals + 1)..]));
        }
        return members;
    }

    private ServeSettings With(string path, JsonProperty field) => field.Name switch
    {
        "id" => this with { Id = Text(path, field) },
        "data" => this with { Data = Text(path, field) },
        "cluster" => this with { Cluster = Members(path, field) },
        "clusterName" => this with { ClusterName = Text(path, field) },
        "listen" => this with { Listen = Text(path, field) },
        "resp" => this with { Resp = Text(path, field) },
        "http" => this with { Http = Text(path, field) },
        "groups" => this with { Groups = Int(path, field) },
        "shards" => this with { Shards = Int(path, field) },
        "maxKeyBytes" => this with { MaxKeyBytes = Int(path, field) },
        "maxValueBytes" => this with { MaxValueBytes = Int(path, field) },
        "electionTimeoutMs" => this with { ElectionTimeoutMs = Int(path, field) },
        "heartbeatIntervalMs" => this with { HeartbeatIntervalMs = Int(path, field) },
        "leaderLeaseMs" => this with { LeaderLeaseMs = Int(path, field) },
        "requestTimeoutMs" => this with { RequestTimeoutMs = Int(path, field) },
        "storeMemoryBytes" => this with { StoreMemoryBytes = Long(path, field) },
        "logSegmentBytes" => this with { LogSegmentBytes = Long(path, field) },
        "checkpointBytes" => this with { CheckpointBytes = Long(path, field) },
        _ => throw CommandLineException.Usage($"{path}: the field '{field.Name}' is not known"),
    };

    private static string Text(string path, JsonProperty field) =>
        field.Value.ValueKind == JsonValueKind.String ? field.Value.GetString()! : throw Wrong(path, field, "a string");

    private static int Int(string path, JsonProperty field) =>
        field.Value.ValueKind == JsonValueKind.Number && field.Value.TryGetInt32(out var value) ? value : throw Wrong(path, field, $"a whole number of at most {int.MaxValue}");

    private static long Long(string path, JsonProperty field) =>
        field.Value.ValueKind == JsonValueKind.Number && field.Value.TryGetInt64(out var value) ? value : throw Wrong(path, field, $"a whole number of at most {long.MaxValue}");

    /// <summary>A string as on the command line, or an object of names and addresses.</summary>
    private static string Members(string path, JsonProperty field)
    {
        if (field.Value.ValueKind == JsonValueKind.String)
            return field.Value.GetString()!;
        if (field.Value.ValueKind != JsonValueKind.Object || field.Value.EnumerateObject().Any(m => m.Value.ValueKind != JsonValueKind.String))
            throw Wrong(path, field, "a string as of --cluster, or an object of names and addresses that are strings");
        return string.Join(',', field.Value.EnumerateObject().Select(m => $"{m.Name}={m.Value.GetString()}"));
    }

    private static CommandLineException Wrong(string path, JsonProperty field, string expected) =>
        CommandLineException.Usage($"{path}: the field '{field.Name}' must be {expected}");
}
