using System.Globalization;
using System.Text.Json;

namespace RaftKv.Bench.Load;

/// <summary>What a load came to. Latencies in milliseconds.</summary>
public sealed record LoadResult(
    string Mode, int Clients, int Pipeline, int Size, string Mix, double Seconds, double? Rate, long Operations, double OperationsPerSecond,
    double P50, double P90, double P99, double P999, double Max, long Errors, string? FirstError)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Sums up a run.</summary>
    public static LoadResult From(LoadOptions options, LatencyHistogram latencies, double seconds, long errors, string? firstError)
    {
        var isOpen = options.Rate > 0;
        return new LoadResult(
            isOpen ? "open" : "closed", options.Clients, options.Pipeline, options.Size, options.Mix.ToString().ToLowerInvariant(), seconds, isOpen ? options.Rate : null,
            latencies.Count, latencies.Count / seconds, At(0.5), At(0.9), At(0.99), At(0.999), latencies.Max / 1e6, errors, firstError);

        double At(double share) => latencies.Percentile(share) / 1e6;
    }

    /// <summary>One line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>One line for people.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Mix} {Size} B, {Clients} clients{(Rate is null ? $" x {Pipeline}" : $" at {Rate:N0}/s")}: {OperationsPerSecond:N0} ops/s  p50 {P50:F3}  p90 {P90:F3}  p99 {P99:F3}  p99.9 {P999:F3}  max {Max:F3} ms{(Errors > 0 ? $"  {Errors} errors, first: {FirstError}" : "")}");
}
