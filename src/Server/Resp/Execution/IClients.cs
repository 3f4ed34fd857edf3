namespace RaftKv.Server.Resp.Execution;

/// <summary>Who is connected, as CLIENT LIST and INFO tell it. Thread-safe.</summary>
internal interface IClients
{
    /// <summary>Those that are connected.</summary>
    IReadOnlyCollection<RespSession> Sessions { get; }

    /// <summary>How many may be.</summary>
    int MaxClients { get; }

    /// <summary>Connections that were taken so far, those included that have ended.</summary>
    long ConnectionsReceived { get; }

    /// <summary>Connections that were refused so far.</summary>
    long ConnectionsRefused { get; }

    /// <summary>Commands of all of them so far.</summary>
    long CommandsProcessed { get; }

    /// <summary>What all connections together hold, bytes.</summary>
    long HeldBytes { get; }

    /// <summary>What they may hold, bytes.</summary>
    long MaxHeldBytes { get; }
}
