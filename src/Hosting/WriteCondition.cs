namespace RaftKv.Hosting;

/// <summary>When a put writes.</summary>
public enum WriteCondition
{
    /// <summary>Always.</summary>
    None = 0,

    /// <summary>Only if the key is absent.</summary>
    IfAbsent = 1,

    /// <summary>Only if the key is there.</summary>
    IfPresent = 2,
}
