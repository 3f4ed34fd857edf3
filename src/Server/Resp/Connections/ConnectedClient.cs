using RaftKv.Server.Resp.Execution;

namespace RaftKv.Server.Resp.Connections;

/// <summary>One connection as its server sees it: whose it is, what it holds, and how to end it. Its own connection writes here; <see cref="ClientMemory"/> and <see cref="ConnectionWatch"/> read.</summary>
internal sealed class ConnectedClient(RespSession session)
{
    private long _commandBegan;

    /// <summary>What the client has set.</summary>
    public RespSession Session => session;

    /// <summary>Bytes that its connection holds, as far as it told <see cref="ClientMemory"/>.</summary>
    public long Held { get; set; }

    /// <summary>When the command that is still arriving began, by the server's clock; null when there is none.</summary>
    public long? CommandBegan
    {
        get => Volatile.Read(ref _commandBegan) is var began and not 0 ? began : null;
        set => Volatile.Write(ref _commandBegan, value ?? 0);
    }

    /// <summary>Whether the server has given its connection up.</summary>
    public bool IsEvicted { get; private set; }

    /// <summary>How to end its connection at once.</summary>
    public Action? OnDisconnect { get; set; }

    /// <summary>Ends its connection without another word, from any thread.</summary>
    public void Disconnect()
    {
        IsEvicted = true;
        OnDisconnect?.Invoke();
    }
}
