using RaftKv.Hosting;

namespace RaftKv.Server.Http;

/// <summary>The HTTP surface: what the cluster looks like, and whether to send requests here. Handlers do not block.</summary>
internal static class HttpApi
{
    public static void Map(WebApplication app, NodeView node)
    {
        app.MapGet("/v1/cluster", (HttpContext context) => WriteJson(context, node.Describe()));
        app.MapPost("/v1/groups/{id}/skip", (HttpContext context, string id) => SkipAsync(context, node, id));
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

    /// <summary>POST /v1/groups/{id}/skip?index=I: 200 when the entry is skipped, 409 if it is not what the group halted at, 400 for what is no number, 503 when nobody could take it.</summary>
    private static async Task SkipAsync(HttpContext context, NodeView node, string id)
    {
        if (!uint.TryParse(id, out var group) || !ulong.TryParse(context.Request.Query["index"], out var index) || index == 0)
        {
            await WriteText(context, StatusCodes.Status400BadRequest, "the path must name a group by number, and the parameter 'index' an entry, 1 or more");
            return;
        }

        try
        {
            if (await node.SkipEntry(group, index, context.RequestAborted))
                await WriteText(context, StatusCodes.Status200OK, $"group {group} goes on without entry {index}");
            else
                await WriteText(context, StatusCodes.Status409Conflict, $"entry {index} is not what group {group} halted at on its leader: nothing was changed");
        }
        catch (RaftKvException e)
        {
            await WriteText(context, StatusCodes.Status503ServiceUnavailable, e.Message);
        }
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
