namespace RaftKv.Engine.Store;

/// <summary>What <see cref="IGroupState.Mark"/> noted of a record, for <see cref="IGroupState.Restore"/>.</summary>
/// <param name="Existed">Whether there was one.</param>
/// <param name="Header">Its header, if its value was copied.</param>
/// <param name="Address">Where a record lies that cannot change any more, so that nothing was copied; 0 if its value was.</param>
public readonly record struct RecordMark(bool Existed, RecordHeader Header, long Address);
