using System.Globalization;
using RaftKv.Hosting;
using RaftKv.Samples.Counter;

// A service of three instances that share a counter and a table. Each instance embeds a RaftKv node; there is nothing else to run.
//   counter --instance 1|2|3 [--data DIRECTORY]
var builder = WebApplication.CreateBuilder(args);
if (builder.Configuration.GetValue("instance", 0) is not (>= 1 and <= 3 and var instance))
{
    Console.Error.WriteLine("--instance 1, 2 or 3 is needed");
    return 1;
}

var data = builder.Configuration["data"] ?? "counter-data";
builder.WebHost.UseUrls($"http://127.0.0.1:{5000 + instance}");
builder.Services.AddRaftKv(options =>
{
    options.NodeName = $"n{instance}";
    options.DataDirectory = Path.Combine(data, options.NodeName);
    options.Members = [new("n1", "127.0.0.1:7101"), new("n2", "127.0.0.1:7102"), new("n3", "127.0.0.1:7103")];
    options.StoreMemoryBytes = 128 << 20;
});
builder.Services.AddExceptionHandler<FailureResponses>();
builder.Services.AddProblemDetails();

var app = builder.Build();
app.UseExceptionHandler();
app.MapGet("/", (RaftKvNode node) => node.Describe());

// The counter. An increment takes effect once, though the node may repeat it until a leader answers.
const string CounterKey = "counter";
app.MapPost("/counter", async (Tenant kv, long? by, CancellationToken cancellation) =>
    new CounterValue(await kv.IncrementAsync(CounterKey, by ?? 1, cancellationToken: cancellation)));
app.MapGet("/counter", async (Tenant kv, CancellationToken cancellation) =>
    new CounterValue(await kv.GetAsync(CounterKey, cancellationToken: cancellation) is { } entry ? long.Parse(entry.Text, CultureInfo.InvariantCulture) : 0));

// The table. Every read, on any instance, sees every write that was answered before.
const string TablePrefix = "table/";
app.MapPut("/table/{key}", async (Tenant kv, string key, HttpRequest request, CancellationToken cancellation) =>
{
    using var reader = new StreamReader(request.Body);
    var put = await kv.PutAsync(TablePrefix + key, await reader.ReadToEndAsync(cancellation), cancellationToken: cancellation);
    return new TableRow(key, null, put.Revision);
});
app.MapGet("/table/{key}", async (Tenant kv, string key, CancellationToken cancellation) =>
    await kv.GetAsync(TablePrefix + key, cancellationToken: cancellation) is { } entry ? Results.Ok(new TableRow(key, entry.Text, entry.Revision)) : Results.NotFound());
app.MapDelete("/table/{key}", async (Tenant kv, string key, CancellationToken cancellation) =>
    await kv.DeleteAsync(TablePrefix + key, cancellationToken: cancellation) ? Results.NoContent() : Results.NotFound());
app.MapGet("/table", (Tenant kv, string? prefix, CancellationToken cancellation) => ListAsync(kv, prefix ?? "", cancellation));

try
{
    await app.RunAsync();
    return 0;
}
catch (Exception e) when (e is RaftKvStartException or ArgumentException or IOException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

static async IAsyncEnumerable<TableRow> ListAsync(Tenant kv, string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
{
    await foreach (var row in kv.ScanAsync(TablePrefix + prefix, cancellationToken: cancellation))
        yield return new TableRow(row.Name[TablePrefix.Length..], row.Entry.Text, row.Entry.Revision);
}

internal sealed record CounterValue(long Value);

internal sealed record TableRow(string Key, string? Value, ulong Revision);
