using RaftKv.Engine.Wal.Format;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>What a disk holds of one group's log, by the bytes that were written and synced, and by nobody's word.</summary>
internal sealed class DurableGroup
{
    private readonly List<ulong> _terms = [];

    /// <summary>Term of the hard state.</summary>
    public ulong Term { get; private set; }

    /// <summary>Vote of the hard state.</summary>
    public ulong Vote { get; private set; }

    /// <summary>The log begins after this.</summary>
    public ulong StartIndex { get; private set; }

    /// <summary>Term of the entry at the start.</summary>
    public ulong StartTerm { get; private set; }

    /// <summary>Last entry.</summary>
    public ulong LastIndex => StartIndex + (ulong)_terms.Count;

    /// <summary>Term of the last entry.</summary>
    public ulong LastTerm => TermAt(LastIndex);

    /// <summary>Term of an entry, 0 when there is none.</summary>
    public ulong TermAt(ulong index) => index == StartIndex ? StartTerm : index > StartIndex && index <= LastIndex ? _terms[(int)(index - StartIndex - 1)] : 0;

    /// <summary>The newest checkpoint that a recovered node stood on; it may be ahead of the log, when an image was installed right in front of a crash.</summary>
    public ulong CheckpointIndex { get; private set; }

    /// <summary>What the store's durable checkpoints hold: the log may begin no later.</summary>
    public ulong CheckpointedIndex { get; private set; }

    /// <summary>Everything up to here is durable in one way or the other.</summary>
    public ulong EndIndex => Math.Max(LastIndex, CheckpointIndex);

    /// <summary>Whether the log holds an entry, or begins after it, or a checkpoint contains it.</summary>
    public bool Covers(ulong index, ulong term) => Math.Max(StartIndex, CheckpointIndex) >= index || TermAt(index) == term;

    /// <summary>A node has recovered with a checkpoint.</summary>
    public void OnRecovered(ulong checkpoint) => CheckpointIndex = Math.Max(CheckpointIndex, checkpoint);

    /// <summary>A checkpoint is complete, or was found by a process that started.</summary>
    public void OnCheckpointed(ulong index) => CheckpointedIndex = Math.Max(CheckpointedIndex, index);

    /// <summary>Takes a record's effect.</summary>
    public void Apply(in WalRecord record)
    {
        switch (record.Type)
        {
            case RecordType.Entry:
                Cut(record.Index);
                _terms.Add(record.Term);
                break;
            case RecordType.HardState:
                if (record.Term < Term || (record.Term == Term && Vote != 0 && record.Index != Vote))
                    throw new SimulationViolationException($"group {record.Group}: a disk that held a vote for {Vote} in term {Term} is given a vote for {record.Index} in term {record.Term}");
                (Term, Vote) = (record.Term, record.Index);
                break;
            case RecordType.Start when record.Index > StartIndex:
                if (TermAt(record.Index) == record.Term && record.Index <= LastIndex)
                    _terms.RemoveRange(0, (int)(record.Index - StartIndex));
                else
                    _terms.Clear();
                Begin(record);
                break;
            case RecordType.Reset:
                _terms.Clear();
                Begin(record);
                break;
        }
    }

    private void Begin(in WalRecord record)
    {
        if (record.Index > CheckpointedIndex)
            throw new SimulationViolationException($"group {record.Group}: a disk's log is cut up to entry {record.Index}, its checkpoints hold entries up to {CheckpointedIndex}");
        (StartIndex, StartTerm) = (record.Index, record.Term);
    }

    private void Cut(ulong from)
    {
        if (from > LastIndex + 1 || from <= StartIndex)
            throw new SimulationViolationException($"a log of entries {StartIndex + 1}-{LastIndex} is given entry {from}");
        var keep = (int)(from - StartIndex - 1);
        if (keep < _terms.Count)
            _terms.RemoveRange(keep, _terms.Count - keep);
    }
}
