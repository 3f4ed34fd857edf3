using System.Collections.Concurrent;
using RaftKv.Server.Resp.Execution;

namespace RaftKv.Server.Resp.Connections;

/// <summary>All RESP connections of a listener: who is connected, how many may be and what they may hold together, and the pumps that run them. Thread-safe.</summary>
internal sealed class RespServer : IClients
{
    /// <summary>Redis' own default.</summary>
    private const int DefaultMaxClients = 10_000;

    private readonly ConcurrentDictionary<long, ConnectedClient> _clients = new();
    private readonly ReplyPump[] _pumps;
    private long _lastId;
    private long _commandsOfClosed;

    /// <param name="context">What the connections share with the commands.</param>
    /// <param name="schedule">Lets work that writes replies run soon, on no shard's thread; null for the thread pool.</param>
    /// <param name="maxMemory">What all connections together may hold, bytes; null for what suits the machine.</param>
    public RespServer(ServerContext context, Action<IThreadPoolWorkItem>? schedule = null, long? maxMemory = null)
    {
        Context = context;
        Slots = new ConnectionSlots("RESP", DefaultMaxClients, context.Logger, TimeProvider.System);
        Memory = new ClientMemory(maxMemory ?? ClientMemory.DefaultLimit, () => _clients.Values, context.Logger);
        // One pump keeps two cores busy with sends; more of them matter only where there are more cores.
        _pumps = new ReplyPump[Math.Max(1, Environment.ProcessorCount / 2)];
        for (var i = 0; i < _pumps.Length; i++)
            _pumps[i] = new ReplyPump(schedule ?? (static item => ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false)));
    }

    /// <summary>What the connections share with the commands.</summary>
    public ServerContext Context { get; }

    /// <summary>What all connections together hold.</summary>
    public ClientMemory Memory { get; }

    /// <summary>The connections that are open.</summary>
    public ConnectionSlots Slots { get; private init; }

    /// <summary>Those that are connected.</summary>
    public ICollection<ConnectedClient> Clients => _clients.Values;

    /// <inheritdoc/>
    public IReadOnlyCollection<RespSession> Sessions => [.. _clients.Values.Select(c => c.Session)];

    /// <inheritdoc/>
    public int MaxClients
    {
        get => Slots.Limit;
        init => Slots = new ConnectionSlots("RESP", value, Context.Logger, TimeProvider.System);
    }

    /// <inheritdoc/>
    public long ConnectionsReceived => Volatile.Read(ref _lastId);

    /// <inheritdoc/>
    public long ConnectionsRefused => Slots.Refused;

    /// <inheritdoc/>
    public long CommandsProcessed => Volatile.Read(ref _commandsOfClosed) + _clients.Values.Sum(c => c.Session.Commands);

    /// <inheritdoc/>
    public long HeldBytes => Memory.Used;

    /// <inheritdoc/>
    public long MaxHeldBytes => Memory.Limit;

    /// <summary>Takes a new connection.</summary>
    public ConnectedClient Open(string remoteAddress, string localAddress)
    {
        var client = new ConnectedClient(new RespSession(Context, this, Interlocked.Increment(ref _lastId), remoteAddress, localAddress));
        _clients[client.Session.Id] = client;
        return client;
    }

    /// <summary>Forgets a connection that has ended.</summary>
    public void Close(ConnectedClient client)
    {
        Memory.Charge(client, 0);
        if (_clients.TryRemove(client.Session.Id, out _))
            Interlocked.Add(ref _commandsOfClosed, client.Session.Commands);
    }

    /// <summary>The pump that runs a client's connection when its operations complete.</summary>
    public ReplyPump PumpOf(ConnectedClient client) => _pumps[client.Session.Id % _pumps.Length];
}
