namespace RaftKv.Engine.Store;

/// <summary>A durable checkpoint: every group's position in it. Groups absent from it have no durable state.</summary>
public sealed record CompletedCheckpoint(IReadOnlyDictionary<uint, AppliedPosition> Groups);
