namespace RaftKv.Engine.Commands;

/// <summary>The client sessions of a group.</summary>
internal sealed class SessionTable
{
    public void Open(ulong number, long time) => throw new NotImplementedException();

    public ResultStatus Resolve(ulong session, ulong sequence, ulong index, out RequestOutcome outcome, out ResultStatus status, out ulong revision) => throw new NotImplementedException();
}
