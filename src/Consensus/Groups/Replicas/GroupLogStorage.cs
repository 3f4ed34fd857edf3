using RaftKv.Consensus.Raft;
using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Log;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>One group's entries in the node's shared log, as the Raft core reads them.</summary>
internal sealed class GroupLogStorage(WriteAheadLog log, uint group) : ILogStorage
{
    private readonly List<WalEntry> _read = [];

    public void Read(ulong first, ulong last, long maxBytes, List<LogEntry> into)
    {
        _read.Clear();
        log.Read(group, first, last, maxBytes, _read);
        foreach (var entry in _read)
            into.Add(new LogEntry(entry.Index, entry.Term, (EntryKind)entry.Kind, entry.Timestamp, entry.Payload));
    }
}
