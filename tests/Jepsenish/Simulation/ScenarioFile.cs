using System.Text.Json;
using System.Text.Json.Serialization;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>A run that once failed, as small as it could be made, kept so that it never fails again.</summary>
internal sealed record ScenarioFile
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };

    /// <summary>What was wrong, and why.</summary>
    public required string Story { get; init; }

    /// <summary>The run.</summary>
    public required SimulationOptions Options { get; init; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="JsonException">It is none.</exception>
    public static ScenarioFile Read(string path) => JsonSerializer.Deserialize<ScenarioFile>(File.ReadAllText(path), Json) ?? throw new JsonException("the file is empty");

    /// <summary>Writes a file.</summary>
    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Json) + "\n");
}
