using System.Text.Json;
using System.Text.Json.Serialization;
using RaftKv.Hosting;

namespace RaftKv.Server.Http;

/// <summary>The JSON of GET /v1/cluster, written by the host and read by its status command. Generated code: nothing is found by reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ClusterDescription))]
internal sealed partial class ClusterJson : JsonSerializerContext
{
    public static byte[] Serialize(ClusterDescription cluster) => JsonSerializer.SerializeToUtf8Bytes(cluster, Default.ClusterDescription);

    /// <exception cref="JsonException">The text is not such a description.</exception>
    public static ClusterDescription Deserialize(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, Default.ClusterDescription) ?? throw new JsonException("The answer is null.");
}
