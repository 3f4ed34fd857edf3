namespace RaftKv.Engine.Store;

/// <summary>Separates what users see from what the engine keeps beside it.</summary>
public enum Keyspace : byte
{
    /// <summary>The engine's own records: client sessions, configuration.</summary>
    System = 0,

    /// <summary>Users' keys.</summary>
    User = 1,
}
