using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using RaftKv.Hosting;

namespace RaftKv.Server.Cli;

/// <summary>What `serve` needs, from flags or from a JSON file with these names in camel case; a flag wins over the file.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record ServeSettings
{
    public string? Id { get; init; }

    public string? Data { get; init; }

    public string? Cluster { get; init; }

    public string? Resp { get; init; }

    public string? Http { get; init; }

    public int? Groups { get; init; }

    public int? Shards { get; init; }

    public int? MaxKeyBytes { get; init; }

    public int? MaxValueBytes { get; init; }

    public int? ElectionTimeoutMs { get; init; }

    public int? HeartbeatIntervalMs { get; init; }

    public int? LeaseDurationMs { get; init; }

    public int? RequestTimeoutMs { get; init; }

    public long? StoreMemoryBytes { get; init; }

    public long? LogSegmentBytes { get; init; }

    public long? CheckpointBytes { get; init; }

    public long? RetainedLogBytes { get; init; }

    /// <exception cref="UsageException">The file is missing, no JSON, or has an unknown field.</exception>
    public static ServeSettings Load(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ServeSettingsJson.Default.ServeSettings) ?? new ServeSettings();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--config {path} cannot be read: {e.Message}");
        }
        catch (JsonException e)
        {
            throw new UsageException($"--config {path} is not what is expected: {e.Message}");
        }
    }

    /// <summary>These settings, and the file's where these are silent.</summary>
    public ServeSettings Over(ServeSettings file) => file with
    {
        Id = Id ?? file.Id,
        Data = Data ?? file.Data,
        Cluster = Cluster ?? file.Cluster,
        Resp = Resp ?? file.Resp,
        Http = Http ?? file.Http,
        Groups = Groups ?? file.Groups,
    };

    /// <exception cref="UsageException">Something is missing or out of range.</exception>
    public RaftKvOptions ToOptions()
    {
        var options = new RaftKvOptions
        {
            NodeName = Id ?? throw new UsageException("--id is missing: the name of this node, one of those in --cluster"),
            DataDirectory = Data ?? throw new UsageException("--data is missing: the directory in which this node keeps its data"),
            Members = ParseMembers(Cluster ?? throw new UsageException("--cluster is missing: all nodes, as n1=host:port,n2=host:port,n3=host:port")),
        };
        options.Groups = Groups ?? options.Groups;
        options.Shards = Shards ?? options.Shards;
        options.MaxKeyBytes = MaxKeyBytes ?? options.MaxKeyBytes;
        options.MaxValueBytes = MaxValueBytes ?? options.MaxValueBytes;
        options.ElectionTimeout = Milliseconds(ElectionTimeoutMs) ?? options.ElectionTimeout;
        options.HeartbeatInterval = Milliseconds(HeartbeatIntervalMs) ?? options.HeartbeatInterval;
        options.LeaseDuration = Milliseconds(LeaseDurationMs) ?? options.LeaseDuration;
        options.RequestTimeout = Milliseconds(RequestTimeoutMs) ?? options.RequestTimeout;
        options.StoreMemoryBytes = StoreMemoryBytes ?? options.StoreMemoryBytes;
        options.LogSegmentBytes = LogSegmentBytes ?? options.LogSegmentBytes;
        options.CheckpointBytes = CheckpointBytes ?? options.CheckpointBytes;
        options.RetainedLogBytes = RetainedLogBytes ?? options.RetainedLogBytes;
        try
        {
            options.Validate();
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }

        return options;
    }

    public IPEndPoint? RespEndpoint() => ParseListen(Resp, "--resp");

    public IPEndPoint? HttpEndpoint() => ParseListen(Http, "--http");

    /// <summary>host:port of a listener of this machine; null stays null.</summary>
    /// <exception cref="UsageException">It is neither.</exception>
    public static IPEndPoint? ParseListen(string? text, string flag)
    {
        if (text is null)
            return null;
        if (text.StartsWith("localhost:", StringComparison.OrdinalIgnoreCase))
            text = $"127.0.0.1:{text.AsSpan(10)}";
        return text.Contains(':', StringComparison.Ordinal) && IPEndPoint.TryParse(text, out var endpoint) && endpoint.Port > 0
            ? endpoint
            : throw new UsageException($"{flag} is '{text}', allowed is an address of this machine as IP:PORT with a port from 1 to 65535");
    }

    private static List<RaftKvMember> ParseMembers(string text)
    {
        var members = new List<RaftKvMember>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new UsageException($"--cluster contains '{part}', allowed is name=host:port, separated by commas");
            members.Add(new RaftKvMember(part[..equals], part[(equals + 1)..]));
        }

        return members;
    }

    private static TimeSpan? Milliseconds(int? value) => value is { } number ? TimeSpan.FromMilliseconds(number) : null;
}

/// <summary>Generated reading of <see cref="ServeSettings"/>.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true)]
[JsonSerializable(typeof(ServeSettings))]
internal sealed partial class ServeSettingsJson : JsonSerializerContext;
