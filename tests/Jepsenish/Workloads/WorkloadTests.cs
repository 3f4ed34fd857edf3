using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Histories;
using RaftKv.Tests.Jepsenish.Nemesis;
using Xunit;

namespace RaftKv.Tests.Jepsenish.Workloads;

/// <summary>The workloads and their judges notice what they are there to notice: shown with a server that betrays on purpose.</summary>
public class WorkloadTests
{
    private const int OperationsPerWorker = 400;

    [Fact]
    public async Task A_server_that_keeps_its_word_passes()
    {
        Assert.Equal(Linearizability.Linearizable, await RunRegistersAsync(Betrayal.None));
        Assert.Empty(await RunLedgerAsync(Betrayal.None));
    }

    [Theory]
    [InlineData(nameof(Betrayal.LosesWrites))]
    [InlineData(nameof(Betrayal.ReadsStale))]
    [InlineData(nameof(Betrayal.IgnoresWatch))]
    [InlineData(nameof(Betrayal.DoesWhatItRefused))]
    public async Task Registers_notice(string betrayal) => Assert.Equal(Linearizability.Violated, await RunRegistersAsync(Enum.Parse<Betrayal>(betrayal)));

    [Theory]
    [InlineData(nameof(Betrayal.LosesWrites))]
    [InlineData(nameof(Betrayal.IncrementsTwice))]
    [InlineData(nameof(Betrayal.DoesWhatItRefused))]
    public async Task The_ledger_notices(string betrayal) => Assert.NotEmpty(await RunLedgerAsync(Enum.Parse<Betrayal>(betrayal)));

    [Theory]
    [InlineData(nameof(Betrayal.None), false)]
    [InlineData(nameof(Betrayal.RefusesWrites), true)]
    [InlineData(nameof(Betrayal.LosesWrites), true)]
    public async Task The_final_writes_notice(string betrayal, bool noticed)
    {
        using var server = new FakeServer(Enum.Parse<Betrayal>(betrayal));
        // Every 97th write is lost; with names of their own four writers are enough to meet one.
        var problems = new List<string>();
        foreach (var writer in new[] { "n1", "n2", "n3", "n4" })
        {
            problems.AddRange(await FinalWrites.WriteAsync(writer, server.Port, TimeSpan.FromMilliseconds(500)));
            using var client = (await RespClient.TryConnectAsync(server.Port, TimeSpan.FromSeconds(20)))!;
            problems.AddRange(await FinalWrites.VerifyAsync("fake", client, writer));
        }

        Assert.Equal(noticed, problems.Count > 0);
    }

    [Theory]
    [InlineData(nameof(Betrayal.None), false)]
    [InlineData(nameof(Betrayal.RunsStrayLines), true)]
    public async Task Stray_requests_that_are_run_are_noticed(string betrayal, bool noticed)
    {
        using var server = new FakeServer(Enum.Parse<Betrayal>(betrayal));
        await StrayRequests.SendAsync(server.Port, StrayRequests.Http);
        using var client = (await RespClient.TryConnectAsync(server.Port, TimeSpan.FromSeconds(20)))!;
        Assert.Equal(noticed, (await StrayRequests.FindAsync("fake", client)).Count > 0);
    }

    private static async Task<Linearizability> RunRegistersAsync(Betrayal betrayal)
    {
        using var server = new FakeServer(betrayal);
        var recorder = new Recorder();
        var workload = new RegisterWorkload(recorder, seed: 1, registers: 2);
        await RunAsync(server, workload.Operations);
        return HistoryFile.Check(History.From(recorder.Events)).Result;
    }

    private static async Task<IReadOnlyList<string>> RunLedgerAsync(Betrayal betrayal)
    {
        using var server = new FakeServer(betrayal);
        var workload = new LedgerWorkload(new Recorder(), seed: 1);
        await RunAsync(server, workload.Operations);
        using var client = (await RespClient.TryConnectAsync(server.Port, TimeSpan.FromSeconds(20)))!;
        return await workload.VerifyAsync("fake", client);
    }

    private static Task RunAsync(FakeServer server, Func<int, Func<Worker, RespClient, Task>> operations) =>
        Task.WhenAll(Enumerable.Range(0, 6).Select(async i =>
        {
            using var worker = new Worker(server.Port, i, 6);
            using var end = new CancellationTokenSource();
            var operation = operations(i);
            var left = OperationsPerWorker;
            await worker.RunAsync(
                (self, client) =>
                {
                    if (--left == 0)
                        end.Cancel();
                    return operation(self, client);
                },
                end.Token);
        }));
}
