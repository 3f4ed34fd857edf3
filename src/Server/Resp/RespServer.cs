using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups;
using RaftKv.Hosting;
using RaftKv.Server.Resp.Commands;

namespace RaftKv.Server.Resp;

/// <summary>What all RESP connections of a listener share: the way into the node, limits, clock, and who is connected. Thread-safe.</summary>
internal sealed partial class RespServer
{
    private readonly ConcurrentDictionary<long, RespSession> _sessions = new();
    private readonly ReplyPump[] _pumps;
    private long _nextTellingOfHttp;
    private long _lastId;
    private long _commandsOfClosed;

    /// <param name="executor">The way into the node.</param>
    /// <param name="router">Which group holds a key.</param>
    /// <param name="describe">The cluster as the node sees it.</param>
    /// <param name="logger">Where to tell what happens.</param>
    /// <param name="maxMemory">What all connections together may hold, bytes; null for what suits the machine.</param>
    /// <param name="schedule">Lets work that writes replies run soon, on no shard's thread; null for the thread pool.</param>
    public RespServer(IOperationExecutor executor, IKeyRouter router, Func<ClusterDescription> describe, ILogger logger, Action<IThreadPoolWorkItem>? schedule = null, long? maxMemory = null)
    {
        Executor = executor;
        Router = router;
        Describe = describe;
        Logger = logger;
        // One pump keeps two cores busy with sends; more of them matter only where there are more cores.
        Slots = new ConnectionSlots("RESP", 10_000, logger, TimeProvider.System);
        Memory = new ClientMemory(maxMemory ?? ClientMemory.DefaultLimit, () => _sessions.Values, logger);
        _pumps = new ReplyPump[Math.Max(1, Environment.ProcessorCount / 2)];
        for (var i = 0; i < _pumps.Length; i++)
            _pumps[i] = new ReplyPump(schedule ?? (static item => ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false)));
    }

    public IOperationExecutor Executor { get; }

    /// <summary>Which group holds a key.</summary>
    public IKeyRouter Router { get; }

    /// <summary>The cluster as the node sees it.</summary>
    public Func<ClusterDescription> Describe { get; }

    public ILogger Logger { get; }

    public RespLimits Limits { get; init; } = new();

    /// <summary>What all connections together hold.</summary>
    public ClientMemory Memory { get; }

    /// <summary>How many connections may be open.</summary>
    public int MaxClients
    {
        get => Slots.Limit;
        init => Slots = new ConnectionSlots("RESP", value, Logger, TimeProvider.System);
    }

    /// <summary>The connections that are open.</summary>
    public ConnectionSlots Slots { get; private init; }

    /// <summary>The wall clock: relative expiry times count from it, and TIME tells it. It decides nothing.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public string NodeName { get; init; } = "";

    /// <summary>How long an operation may take.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public long RequestTimeoutNanoseconds => RequestTimeout.Ticks * 100;

    public string Version { get; } = typeof(RespServer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    public DateTimeOffset StartedAt { get; } = DateTimeOffset.UtcNow;

    public ScanCursors Cursors { get; } = new((ulong)Random.Shared.NextInt64(1, uint.MaxValue));

    public ICollection<RespSession> Sessions => _sessions.Values;

    public long ConnectionsReceived => Volatile.Read(ref _lastId);

    public long CommandsProcessed => Volatile.Read(ref _commandsOfClosed) + _sessions.Values.Sum(s => s.Commands);

    /// <summary>A session for a new connection.</summary>
    public RespSession Open(string remoteAddress, string localAddress)
    {
        var session = new RespSession(this, Interlocked.Increment(ref _lastId), remoteAddress, localAddress, new RespWriter(DiscardingWriter.Instance));
        _sessions[session.Id] = session;
        return session;
    }

    public void Close(RespSession session)
    {
        Memory.Charge(session, 0);
        if (_sessions.TryRemove(session.Id, out _))
            Interlocked.Add(ref _commandsOfClosed, session.Commands);
    }

    /// <summary>An HTTP request came in. Told once a minute.</summary>
    public void TellOfHttp(RespSession session)
    {
        var now = Clock.GetUtcNow().Ticks;
        var next = Interlocked.Read(ref _nextTellingOfHttp);
        if (now >= next && Interlocked.CompareExchange(ref _nextTellingOfHttp, now + TimeSpan.TicksPerMinute, next) == next)
            LogHttp(Logger, session.Id, session.RemoteAddress);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "client {id} at {address} sent an HTTP request to the RESP port and is disconnected: a browser may have been made to attack this node (cross-protocol scripting)")]
    private static partial void LogHttp(ILogger logger, long id, string address);

    /// <summary>The pump that runs a session's connection when its operations complete.</summary>
    public ReplyPump PumpOf(RespSession session) => _pumps[session.Id % _pumps.Length];
}
