using RaftKv.Engine;
using RaftKv.Tests.Jepsenish.Simulation.Clients;
using RaftKv.Tests.Jepsenish.Simulation.Faults;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>
/// One run: a cluster starts, clients work, faults happen; then all is mended but a minority, and everything must come to rest: leaders, answers, equal replicas. In the end histories are judged.
/// On one thread, from one seed: nothing else decides anything.
/// </summary>
internal sealed class Simulation
{
    private const long ElectionTimeout = 300 * Millisecond;
    private const int LullPerMille = 100;

    private readonly Cluster _cluster;
    private readonly FaultDriver _faults;
    private readonly IReadOnlyList<IWorkload> _workloads;
    private readonly List<Client> _clients = [];
    private bool _clientsStop;
    private int _clientsRunning;

    private Simulation(SimulationOptions options, TextWriter? story)
    {
        _cluster = new Cluster(options, new Story(story));
        _faults = new FaultDriver(_cluster);
        (WorkloadKinds Kind, Func<IWorkload> Make)[] all =
        [
            (WorkloadKinds.Registers, () => new RegisterWorkload(_cluster)), (WorkloadKinds.Bank, () => new BankWorkload(_cluster)),
            (WorkloadKinds.Lists, () => new ListWorkload(_cluster)), (WorkloadKinds.Expiry, () => new ExpiryWorkload(_cluster)),
        ];
        _workloads = [.. all.Where(w => options.Workloads.HasFlag(w.Kind)).Select(w => w.Make())];
    }

    /// <summary>Runs to the end, or to the first thing that is wrong.</summary>
    public static SimulationResult Run(SimulationOptions options, TextWriter? story = null)
    {
        // Continuations run where they are completed, and nowhere else.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            return new Simulation(options, story).Run();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private SimulationResult Run()
    {
        string? failure = null;
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        var markers = new Dictionary<string, long>();
        using var listening = Sometimes.Listen(marker =>
        {
            System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(markers, marker, out _)++;
            _cluster.WallTime.OnMarker(marker);
        });
        try
        {
            Drive();
        }
        catch (SimulationViolationException e)
        {
            failure = e.Message;
        }
#pragma warning disable CA1031 // whatever it is, it is a finding, and the seed that shows it must be told
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = $"an exception that nobody expects: {e}";
        }

        return new SimulationResult
        {
            Options = _cluster.Options,
            Failure = failure,
            Hash = _cluster.Scheduler.Hash,
            Events = _cluster.Scheduler.Events,
            Time = _cluster.Scheduler.Now,
            Elapsed = System.Diagnostics.Stopwatch.GetElapsedTime(started),
            Operations = _cluster.History.Done,
            Outcomes = _cluster.History.Outcomes,
            Faults = _faults.Injected,
            Markers = markers,
            Elections = _cluster.Oracles.Elections.Elections,
            LeaseChecks = _cluster.Oracles.Leases.Checks,
        };
    }

    private void Drive()
    {
        var options = _cluster.Options;
        foreach (var machine in _cluster.Machines)
            _cluster.StartLater(machine, (long)machine.Number * Millisecond);
        _faults.Begin(options.Faults);
        StartClients();
        RunUntil(options.Duration);
        _faults.Mend(options.BrokenForGood, Randomness.Fork(options.Seed, "mend"));
        new Recovery(_cluster, RunUntil).AwaitLeaders();
        _cluster.StandsSince = _cluster.Scheduler.Now;
        // Clients go on for a moment: what waits must end, and new requests must succeed.
        RunUntil(_cluster.Scheduler.Now + Second);
        _clientsStop = true;
        Await(() => _clientsRunning == 0, 10 * ElectionTimeout + 3 * Second, () => $"{_clientsRunning} clients still wait for an answer");
        // What was to live shortly is gone by now, whatever time the nodes believed it was.
        RunUntil(_cluster.StandsSince + ExpiryWorkload.LongestShortLife + (2 * Second));
        ReadEverything();
        new Recovery(_cluster, RunUntil).AwaitEqualReplicas();
        foreach (var workload in _workloads)
            workload.Check();
        _cluster.WallTime.Check();
    }

    private void StartClients()
    {
        for (var i = 1; i <= _cluster.Options.Clients; i++)
        {
            // Two of each kind meet in a group before the next group gets any.
            var client = new Client(_cluster, i, (uint)(((i - 1) / (2 * _workloads.Count) % _cluster.Options.Groups) + 1));
            _clients.Add(client);
            _clientsRunning++;
            var workload = _workloads[(i - 1) % _workloads.Count];
            _cluster.Scheduler.After(i * Millisecond, () => Guard(WorkAsync(client, workload)));
        }
    }

    private async Task WorkAsync(Client client, IWorkload workload)
    {
        try
        {
            var rush = 0L;
            while (!_clientsStop)
            {
                if (JoinsRush(client, ref rush))
                    await client.Sleep(client.Random.Time(1, _cluster.RushUntil - _cluster.Scheduler.Now));
                if (await client.ConnectAsync())
                    await workload.StepAsync(client);
                else
                    await client.Sleep(50 * Millisecond);
                await client.Sleep(client.Random.Time(1, _cluster.Options.ThinkTime));
                if (_cluster.Options.LullTime > 0 && client.Random.Chance(LullPerMille))
                    await RestAsync(client);
                if (client.Random.Chance(_cluster.Options.RoamPerMille))
                    client.Disconnect();
            }
        }
        finally
        {
            _clientsRunning--;
        }
    }

    /// <summary>
    /// Half of the clients go where something happens, and stay until it is over. A write there may have to wait as long, and a client waits for its answer: those who only read see more. Some come late (true):
    /// whoever comes early may be kept waiting, and what is answered in the end was asked before anybody else could write.
    /// </summary>
    private bool JoinsRush(Client client, ref long known)
    {
        var isNew = known != _cluster.RushUntil;
        known = _cluster.RushUntil;
        if (_cluster.Scheduler.Now >= known)
        {
            (client.Home, client.OnlyReads) = (null, false);
            return false;
        }

        if (!isNew || _cluster.RushAt is null || !client.Random.Chance(500))
            return false;
        (client.Home, client.OnlyReads) = (_cluster.RushAt, client.Random.Chance(700));
        client.Disconnect();
        return client.OnlyReads && client.Random.Chance(500);
    }

    /// <summary>A lull, unless something happens that only shows where requests come in.</summary>
    private async Task RestAsync(Client client)
    {
        var scheduler = _cluster.Scheduler;
        for (var until = scheduler.Now + client.Random.Time(1, _cluster.Options.LullTime); scheduler.Now < until && scheduler.Now >= _cluster.RushUntil;)
            await client.Sleep(Math.Min(50 * Millisecond, until - scheduler.Now));
    }

    /// <summary>On every node that runs, every client's keys are read once more, and a write through the node succeeds: who leads takes what this node forwards.</summary>
    private void ReadEverything()
    {
        var done = 0;
        var readers = 0;
        foreach (var process in _cluster.Running)
        {
            for (uint group = 1; group <= _cluster.Options.Groups && _clients.Exists(c => c.Group == group); group++)
            {
                if (!Recovery.IsAvailable(_cluster, group) || !Recovery.Members(_cluster, group).Contains(process))
                    continue;
                var reader = new Client(_cluster, 10_000 + readers++, group) { Home = process.Machine.Number };
                Guard(ReadAsync(reader, () => done++));
            }
        }

        Await(() => done == readers, 30 * Second, () => $"{readers - done} of {readers} readers did not come to an end when all was mended");
    }

    private async Task ReadAsync(Client reader, Action onDone)
    {
        if (!await reader.ConnectAsync())
            throw new SimulationViolationException($"node {reader.Home} takes no connection when all is mended");
        foreach (var workload in _workloads)
            await workload.FinishAsync(reader);
        await WriteAsync(reader);
        onDone();
    }

    /// <summary>A sync that failed long ago in the background, or a damaged place on the disk, may show only now, and stop a node: that is waited for, for good if nothing mends it, and nothing else is an excuse.</summary>
    private async Task WriteAsync(Client writer)
    {
        for (var stops = _cluster.StopsByThemselves; ; stops = _cluster.StopsByThemselves)
        {
            if (await writer.ConnectAsync() && await writer.AskAsync("SET", $"healed {writer.Home}", "1") is { IsError: false })
                return;
            if (_cluster.Machine(writer.Home!.Value).IsGivenUp)
                return;
            if (_cluster.StopsByThemselves == stops && _cluster.Machine(writer.Home!.Value).Process is { IsAlive: true })
                throw new SimulationViolationException($"a write through node {writer.Home} to group {writer.Group} fails when all is mended");
            await writer.Sleep(Second);
        }
    }

    private void Guard(Task task)
    {
        if (task.IsCompleted)
            Note(task);
        else
            task.GetAwaiter().UnsafeOnCompleted(() => Note(task));
    }

    private void Note(Task task)
    {
        if (task.Exception is { } e)
            _cluster.Problem ??= e.InnerException;
    }

    private void Await(Func<bool> condition, long atMost, Func<string> otherwise)
    {
        for (var until = _cluster.Scheduler.Now + atMost; !condition();)
        {
            if (_cluster.Scheduler.Now >= until)
                throw new SimulationViolationException(otherwise());
            RunUntil(Math.Min(until, _cluster.Scheduler.Now + (10 * Millisecond)));
        }
    }

    private void RunUntil(long time)
    {
        while (_cluster.Scheduler.Step(time))
        {
            if (_cluster.Problem is { } problem)
                throw problem is SimulationViolationException ? problem : new SimulationViolationException($"a client failed: {problem}");
        }
    }
}
