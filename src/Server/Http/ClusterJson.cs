using System.Text.Json;
using System.Text.Json.Serialization;
using RaftKv.Hosting;

namespace RaftKv.Server.Http;

/// <summary>The JSON of GET /v1/cluster, written by the host and read by its status command, and of GET /readyz. Generated code: nothing is found by reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ClusterDescription))]
[JsonSerializable(typeof(ReadinessDescription))]
internal sealed partial class ClusterJson : JsonSerializerContext
{
    public static byte[] Serialize(ClusterDescription cluster) => JsonSerializer.SerializeToUtf8Bytes(cluster, Default.ClusterDescription);

    public static byte[] Serialize(ReadinessDescription readiness) => JsonSerializer.SerializeToUtf8Bytes(readiness, Default.ReadinessDescription);

    /// <exception cref="JsonException">The text is not such a description.</exception>
    public static ClusterDescription Deserialize(ReadOnlySpan<byte> json)
    {
        var cluster = JsonSerializer.Deserialize(json, Default.ClusterDescription);
        // That a list holds no nulls is beyond what the serializer checks.
        return cluster is not null && !cluster.Nodes.Contains(null!) && !cluster.Groups.Contains(null!) ? cluster : throw new JsonException("Something is null that must not be.");
    }
}
