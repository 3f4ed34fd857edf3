using RaftKv.Consensus.Groups;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Execution;

/// <summary>What one client has set, and its MULTI. Used by its connection; CLIENT LIST reads names from other connections, which are replaced whole.</summary>
internal sealed class RespSession(ServerContext server, IClients clients, long id, string remoteAddress, string localAddress) : IDisposable
{
    /// <summary>The server that the client is connected to.</summary>
    public ServerContext Server => server;

    /// <summary>Who else is connected.</summary>
    public IClients Clients => clients;

    /// <summary>Unique on this node since its start.</summary>
    public long Id => id;

    public string RemoteAddress => remoteAddress;

    public string LocalAddress => localAddress;

    public DateTimeOffset Since { get; } = server.Clock.GetUtcNow();

    /// <summary>Where replies go.</summary>
    public ReplyChannel Channel { get; } = new();

    /// <summary>Writes replies.</summary>
    public RespWriter Writer => Channel.Writer;

    /// <summary>CLIENT SETNAME; printable and without spaces.</summary>
    public string Name { get; set; } = "";

    public string LibraryName { get; set; } = "";

    public string LibraryVersion { get; set; } = "";

    public MultiExec MultiExec { get; } = new();

    /// <summary>Set by QUIT and by what is no RESP: the connection ends after the reply.</summary>
    public bool WantsToClose { get; set; }

    /// <summary>Commands answered so far.</summary>
    public long Commands { get; private set; }

    /// <summary>The time in the group of a key: what its expiry is judged by.</summary>
    public GroupTime TimeOf(ReadOnlySpan<byte> key) => server.Executor.TimeOf(server.Router.Route(key));

    /// <summary>To be called after each command.</summary>
    public void AfterCommand()
    {
        Commands++;
        Channel.AfterCommand();
    }

    /// <summary>RESET: as a new connection.</summary>
    public void Reset()
    {
        Channel.Reset();
        Name = "";
        MultiExec.Discard();
    }

    public void Dispose() => MultiExec.Dispose();
}
