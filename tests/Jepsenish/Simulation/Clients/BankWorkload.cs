using System.Globalization;
using RaftKv.Tests.Jepsenish.Histories;
using RaftKv.Tests.Jepsenish.Workloads;

namespace RaftKv.Tests.Jepsenish.Simulation.Clients;

/// <summary>Transfers between accounts of a group, in transactions; whoever looks at all accounts at once sees a total of 0.</summary>
internal sealed class BankWorkload(Cluster cluster) : IWorkload
{
    private const int Accounts = 3;

    /// <inheritdoc/>
    public async Task StepAsync(Client client)
    {
        if (client.Random.Chance(400))
        {
            await LookAsync(client);
            return;
        }

        var (from, to) = (client.Random.Below(Accounts), client.Random.Below(Accounts - 1));
        var amount = client.Random.Between(1, 9).ToString(CultureInfo.InvariantCulture);
        var replies = await client.AskAllAsync([["MULTI"], ["DECRBY", $"b{from}", amount], ["INCRBY", $"b{(to >= from ? to + 1 : to)}", amount], ["EXEC"]]);
        var outcome = Client.Judge(replies?[^1]);
        cluster.History.Count("transfer", outcome);
        if (outcome == EventType.Info)
            client.BecomeAnother();
    }

    /// <inheritdoc/>
    public Task FinishAsync(Client client) => LookAsync(client);

    /// <inheritdoc/>
    public void Check()
    {
        // Each look was checked when it came.
    }

    private async Task LookAsync(Client client)
    {
        IReadOnlyList<RespReply>? balances;
        if (client.Random.Chance(500))
        {
            balances = (await client.AskAsync(["MGET", .. Enumerable.Range(0, Accounts).Select(i => $"b{i}")]))?.Items;
        }
        else
        {
            var replies = await client.AskAllAsync([["MULTI"], .. Enumerable.Range(0, Accounts).Select(i => new[] { "GET", $"b{i}" }), ["EXEC"]]);
            balances = replies?[^1].Items;
        }

        if (balances is null || balances.Any(b => b.IsError))
            return;
        cluster.History.Count("look", EventType.Ok);
        var total = balances.Sum(b => long.Parse(b.Text ?? "0", CultureInfo.InvariantCulture));
        if (total != 0)
            throw new SimulationViolationException($"bank total: {client.Name} sees {string.Join(" + ", balances.Select(b => b.Text ?? "0"))} = {total} in group {client.Group}, expected 0");
    }
}
