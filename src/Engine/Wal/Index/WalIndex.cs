using System.Diagnostics.CodeAnalysis;
using RaftKv.Engine.Wal.Format;

namespace RaftKv.Engine.Wal.Index;

/// <summary>
/// Where everything is: groups, their entries' places, and how much of each segment is still needed. Changed by the log thread, read by any; <see cref="Gate"/> guards it all,
/// is taken once per frame and once per read, and never held over input or output.
/// </summary>
/// <remarks>
/// Invariant: a segment's LiveRecords is the number of entries, latest hard states and latest starts whose record is in it (checked by <see cref="CheckCounts"/> in tests).
/// Invariant: segments are consecutive and leave at the front only. So whatever superseded a record leaves the log after that record, and a replay from any segment on,
/// up to the first needed one, gives the same groups.
/// </remarks>
internal sealed class WalIndex
{
    private readonly Dictionary<uint, GroupLog> _groups = [];
    private readonly List<Segment> _segments = [];

    /// <summary>Groups that begin in the frame being written.</summary>
    private readonly Dictionary<uint, GroupLog> _staged = [];

    public Lock Gate { get; } = new();

    public IReadOnlyCollection<GroupLog> Groups => _groups.Values;

    public IReadOnlyList<Segment> Segments => _segments;

    /// <summary>Bytes of all live records.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>Bytes of all segments.</summary>
    public long SegmentBytes { get; private set; }

    /// <summary>The first segment that holds anything needed: the last one at the latest, as frames go there.</summary>
    public ulong FirstNeeded
    {
        get
        {
            foreach (var segment in _segments)
            {
                if (segment.LiveRecords > 0)
                    return segment.Number;
            }

            return _segments[^1].Number;
        }
    }

    public bool TryGet(uint group, [MaybeNullWhen(false)] out GroupLog log) => _groups.TryGetValue(group, out log);

    public Segment SegmentOf(ulong number) => _segments[(int)(number - _segments[0].Number)];

    public void AddSegment(Segment segment)
    {
        Invariant.That(_segments.Count == 0 || segment.Number == _segments[^1].Number + 1, $"segment {segment.Number} does not follow the last one");
        _segments.Add(segment);
        SegmentBytes += segment.Size;
    }

    /// <summary>Takes the segments before <paramref name="first"/> out.</summary>
    public void RemoveBefore(ulong first, List<Segment> removed)
    {
        while (_segments[0].Number < first)
        {
            Invariant.That(_segments[0].LiveRecords == 0, $"segment {_segments[0].Number} still holds {_segments[0].LiveRecords} live records");
            SegmentBytes -= _segments[0].Size;
            removed.Add(_segments[0]);
            _segments.RemoveAt(0);
        }
    }

    /// <summary>The group with its staged values made up for this frame; for the log thread. A group that is not there is held aside.</summary>
    public GroupLog Stage(uint group, ulong sequence)
    {
        if (!_groups.TryGetValue(group, out var log) && !_staged.TryGetValue(group, out log))
            _staged.Add(group, log = new GroupLog(group));
        if (log.StagedFor != sequence)
            (log.StagedFor, log.StagedStart, log.StagedLast) = (sequence, log.Start, log.Last);
        return log;
    }

    /// <summary>The frame is through.</summary>
    public void ForgetStaged() => _staged.Clear();

    /// <summary>Takes one durable record in. <paramref name="offset"/> is its place in the segment.</summary>
    public void Apply(in WalRecord record, Segment segment, long offset)
    {
        if (record.Type == RecordType.Remove)
        {
            if (_groups.Remove(record.Group, out var removed))
            {
                KillAllEntries(removed);
                KillHardState(removed);
                KillStart(removed);
            }

            return;
        }

        if (!_groups.TryGetValue(record.Group, out var group))
        {
            if (!_staged.Remove(record.Group, out group))
                group = new GroupLog(record.Group);
            group.OldestSegment = segment.Number;
            _groups.Add(record.Group, group);
        }

        switch (record.Type)
        {
            case RecordType.Entry:
                KillFrom(group, record.Index);
                Place(group, record, segment, offset);
                break;
            case RecordType.Copy:
                if (group.Entries.Contains(record.Index) && !group.Entries[record.Index].IsHole)
                    Kill(group.Entries[record.Index]);
                Place(group, record, segment, offset);
                break;
            case RecordType.HardState:
                KillHardState(group);
                (group.Term, group.Vote, group.HardStateSegment) = (record.Term, record.Index, segment.Number);
                Count(segment, WalRecord.SizeOf(0));
                break;
            case RecordType.Start or RecordType.Reset:
                KillStart(group);
                if (record.Type == RecordType.Reset)
                    KillAllEntries(group);
                else
                    KillThrough(group, record.Index);
                (group.Start, group.StartTerm, group.StartSegment) = (record.Index, record.Term, segment.Number);
                Count(segment, WalRecord.SizeOf(0));
                break;
            default:
                Invariant.That(false, $"record type {record.Type} is not known");
                break;
        }
    }

    /// <summary>Recounts what is live and compares; for tests, slow.</summary>
    internal void CheckCounts()
    {
        var records = new Dictionary<ulong, (long Records, long Bytes)>();
        foreach (var group in _groups.Values)
        {
            if (group.HardStateSegment != 0)
                Add(group.HardStateSegment, WalRecord.SizeOf(0));
            if (group.StartSegment != 0)
                Add(group.StartSegment, WalRecord.SizeOf(0));
            for (var i = 0; i < group.Entries.Count; i++)
            {
                var entry = group.Entries[group.Entries.First + (ulong)i];
                if (entry.IsHole)
                    continue;
                Add(entry.Segment, entry.Size);
                Invariant.That(entry.Segment >= group.OldestSegment, $"group {group.Group} has an entry in segment {entry.Segment}, before {group.OldestSegment}");
            }
        }

        foreach (var segment in _segments)
        {
            records.Remove(segment.Number, out var counted);
            Invariant.That(counted == (segment.LiveRecords, segment.LiveBytes), $"segment {segment.Number} counts {segment.LiveRecords} live records, has {counted.Records}");
        }

        Invariant.That(records.Count == 0, "live records in a segment that is gone");

        void Add(ulong segment, long bytes)
        {
            var (count, sum) = records.GetValueOrDefault(segment);
            records[segment] = (count + 1, sum + bytes);
        }
    }

    private void Place(GroupLog group, in WalRecord record, Segment segment, long offset)
    {
        group.Entries.Set(record.Index, new EntryLocation(record.Term, (uint)segment.Number, (uint)offset, record.Length, record.Kind));
        Count(segment, record.Size);
    }

    private void Count(Segment segment, long bytes)
    {
        segment.LiveRecords++;
        segment.LiveBytes += bytes;
        LiveBytes += bytes;
    }

    private void Uncount(ulong number, long bytes)
    {
        var segment = SegmentOf(number);
        segment.LiveRecords--;
        segment.LiveBytes -= bytes;
        LiveBytes -= bytes;
        Invariant.That(segment.LiveRecords >= 0, $"segment {number} counts fewer than no live records");
    }

    private void Kill(in EntryLocation entry) => Uncount(entry.Segment, entry.Size);

    private void KillFrom(GroupLog group, ulong index)
    {
        while (group.Entries.Count > 0 && group.Entries.Last >= index)
        {
            Kill(group.Entries[group.Entries.Last]);
            group.Entries.RemoveLast();
        }
    }

    private void KillThrough(GroupLog group, ulong index)
    {
        while (group.Entries.Count > 0 && group.Entries.First <= index)
        {
            Kill(group.Entries[group.Entries.First]);
            group.Entries.RemoveFirst();
        }
    }

    private void KillAllEntries(GroupLog group) => KillThrough(group, ulong.MaxValue);

    private void KillHardState(GroupLog group)
    {
        if (group.HardStateSegment != 0)
            Uncount(group.HardStateSegment, WalRecord.SizeOf(0));
        group.HardStateSegment = 0;
    }

    private void KillStart(GroupLog group)
    {
        if (group.StartSegment != 0)
            Uncount(group.StartSegment, WalRecord.SizeOf(0));
        group.StartSegment = 0;
    }
}
