using RaftKv.Hosting;

namespace RaftKv.Server.Http;

/// <summary>The HTTP surface: what the cluster looks like, and whether to send requests here. Handlers do not block.</summary>
internal static class HttpApi
{
    public static void Map(WebApplication app, NodeView node)
    {
        app.MapGet("/v1/cluster", (HttpContext context) => WriteJson(context, node.Describe()));
        app.MapGet("/healthz", (HttpContext context) => WriteText(context, StatusCodes.Status200OK, "ok"));
        app.MapGet("/readyz", (HttpContext context) =>
            node.IsReady()
                ? WriteText(context, StatusCodes.Status200OK, "ready")
                : WriteText(context, StatusCodes.Status503ServiceUnavailable, NotReadyReason(node.Describe())));
    }

    private static string NotReadyReason(ClusterDescription cluster)
    {
        var leaderless = cluster.Groups.Where(g => g.Leader is null).Select(g => g.Id).ToList();
        return leaderless.Count > 0
            ? $"not ready: no leader is known for group {string.Join(", ", leaderless)}"
            : "not ready: this node is catching up with what is committed";
    }

    private static Task WriteJson(HttpContext context, ClusterDescription cluster)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        return context.Response.Body.WriteAsync(ClusterJson.Serialize(cluster)).AsTask();
    }

    private static Task WriteText(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text + "\n");
    }
}
