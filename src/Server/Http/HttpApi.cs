using System.Text;
using RaftKv.Hosting;

namespace RaftKv.Server.Http;

/// <summary>The HTTP surface: what the cluster looks like, and whether to send requests here. Handlers do not block.</summary>
internal static class HttpApi
{
    private const string Json = "application/json; charset=utf-8";
    private const string Text = "text/plain; charset=utf-8";

    /// <summary>What answers GET answers HEAD as well; the server leaves the body away.</summary>
    private static readonly string[] Methods = [HttpMethods.Get, HttpMethods.Head];

    public static void Map(WebApplication app, NodeView node)
    {
        app.MapMethods("/v1/cluster", Methods, (HttpContext context) => WriteAsync(context, StatusCodes.Status200OK, Json, ClusterJson.Serialize(node.Describe())));
        app.MapPost("/v1/groups/{id}/skip", (HttpContext context, string id) => SkipAsync(context, node, id));
        app.MapMethods("/healthz", Methods, (HttpContext context) => WriteAsync(context, StatusCodes.Status200OK, Text, "ok\n"u8.ToArray()));
        app.MapMethods("/readyz", Methods, (HttpContext context) =>
        {
            var readiness = node.Readiness();
            return WriteAsync(context, readiness.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable, Json, ClusterJson.Serialize(readiness));
        });
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

    private static Task WriteText(HttpContext context, int status, string text) => WriteAsync(context, status, Text, Encoding.UTF8.GetBytes(text + "\n"));

    private static Task WriteAsync(HttpContext context, int status, string type, byte[] body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(body).AsTask();
    }
}
