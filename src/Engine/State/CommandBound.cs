namespace RaftKv.Engine.State;

/// <summary>The ceilings of <see cref="CommandLimits"/> on a whole command. In encoded results: numbers are never changed.</summary>
public enum CommandBound : byte
{
    /// <summary><see cref="CommandLimits.CommandCeiling"/>.</summary>
    Command = 0,

    /// <summary><see cref="CommandLimits.ResultCeiling"/>.</summary>
    Result = 1,

    /// <summary><see cref="CommandLimits.WriteCeiling"/>.</summary>
    Writes = 2,

    /// <summary><see cref="CommandLimits.ReadCeiling"/>.</summary>
    Reads = 3,

    /// <summary><see cref="CommandLimits.AccessCeiling"/>.</summary>
    Accesses = 4,
}
