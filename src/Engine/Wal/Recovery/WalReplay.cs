using RaftKv.Engine.Io;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Index;

namespace RaftKv.Engine.Wal.Recovery;

/// <summary>
/// Brings a log back: finds its segments, checks every frame, rebuilds the index, and tells an unfinished last write, which is cut, from damage, which never is.
/// </summary>
/// <remarks>
/// The rule. Frame n + 1 was written only after frame n was durable. So when the frame that is due is missing or not intact:
/// 1. If any intact frame of a higher sequence exists behind it, in this segment or a later one, the missing one was durable: damage.
/// 2. If the bytes in its place can not come from an unfinished write (<see cref="WalScanner.IsCertainlyDamaged"/>): damage.
/// 3. Otherwise it was the last write and nobody was told that it is durable: its remains are overwritten with zeros, durably, before anything else is written.
/// Rule 3 errs in one case: the very last frame was acknowledged, nothing was written after it (an idle log writes an empty frame to close this window), and it lost whole sectors
/// to zeros. Every frame names the first segment still needed, so that a missing file is seen as well.
/// Invariant: nothing is changed on disk before the whole log was read and found sound.
/// </remarks>
internal sealed class WalReplay(IFileSystem files, string directory, WalOptions options, WalIdentity identity)
{
    private readonly List<WalDamage> _damage = [];
    private readonly List<WalScanner> _tail = [];
    private readonly List<string> _obsolete = [];
    private ulong _firstNeeded;

    /// <summary>Where the last frame is, in the segment of the first scanner of <see cref="_tail"/>; length 0 when there is none.</summary>
    private (long Offset, int Length) _lastFrame;

    /// <summary>More records than all segments together have room for.</summary>
    private ulong _mostRecords;

    /// <summary>The index, its last segment being the one to write to.</summary>
    public WalIndex Index { get; private set; } = new();

    /// <summary>Prepared segments behind it, in order.</summary>
    public List<Segment> Spares { get; } = [];

    /// <summary>There is a first segment without its name: nothing was ever written to this log, and a start that created or opened it was killed.</summary>
    public bool NeverBegan { get; private set; }

    /// <summary>Sequence of the last intact frame.</summary>
    public ulong LastSequence { get; private set; }

    /// <summary>Bytes cut off.</summary>
    public long TornBytes { get; private set; }

    /// <summary>Damage of the needed part of the log.</summary>
    public IReadOnlyList<WalDamage> Damage => _damage;

    /// <summary>Groups found to lack entries.</summary>
    public List<uint> Lacking { get; } = [];

    /// <summary>Reads everything; throws if it can not be used.</summary>
    public void Run()
    {
        var segments = OpenSegments();
        _mostRecords = (ulong)segments.Count * ((ulong)segments.Select(s => s.Size).Append(options.SegmentSize).Max() / WalRecord.HeadSize);
        try
        {
            Replay(segments);
            // Damage in what is no longer needed is harmless; but what was read behind it was read without it.
            if (_damage.Exists(d => d.Segment < _firstNeeded))
            {
                segments.FindAll(s => s.Number < _firstNeeded).ForEach(Forget);
                segments.RemoveAll(s => s.Number < _firstNeeded);
                Replay(segments);
            }

            CheckGroups();
            if (_damage.Count > 0 && !options.RepairFromPeers)
            {
                Sometimes.Reached(Sometimes.LogDamageFound);
                throw new WalDamagedException(
                    $"The write-ahead log is damaged: {_damage[0].Description} Nothing was changed; restore this node's data from its peers.",
                    _damage[0].Segment, _damage[0].Offset, Lacking.Count > 0 ? Lacking[0] : null);
            }
        }
        catch
        {
            segments.ForEach(s => s.File.Dispose());
            throw;
        }
    }

    /// <summary>
    /// Makes what was found durable, and the cut behind it, and removes files that are not needed. Only after <see cref="Run"/> returned.
    /// What this process read and is about to promise may stand in the page cache alone: the process before it may have been killed in front of its sync, or ended by it. After a failed sync, or a failed
    /// write-back that nobody was there to be told of, the kernel takes the bytes for written, and a sync alone succeeds without writing them. So the last frame, the only one that no later frame
    /// proves durable, is written again, byte for byte, which needs no space; and the segments without a frame, which none proves to have their names, are given them again.
    /// </summary>
    public void Repair()
    {
        if (_lastFrame.Length > 0)
            _tail[0].Segment.File.Write(_lastFrame.Offset, _tail[0].Content.Slice((int)_lastFrame.Offset, _lastFrame.Length));
        CutRemains();
        foreach (var scanner in _tail)
            scanner.Segment.File.SyncData();
        if (_damage.Count == 0)
            NameUnprovenAgain();
        _tail.Clear();
        foreach (var path in _obsolete)
            files.DeleteFile(path);
        files.DeleteFile(Path.Combine(directory, SegmentHeader.CutName));
        files.SyncDirectory(directory);
    }

    /// <summary>
    /// No frame proves that these have their names durably. From the end and back, with a sync after each: a power cut must not leave a gap, which would pass for a lost segment.
    /// One that loses its name on the way is deleted by the next start: nothing was ever written to it.
    /// </summary>
    private void NameUnprovenAgain()
    {
        var unproven = LastSequence == 0 ? Index.Segments.Concat(Spares).ToList() : Spares;
        for (var i = unproven.Count - 1; i >= 0; i--)
        {
            files.Rename(unproven[i].Path, Path.Combine(directory, SegmentHeader.UnfinishedName(unproven[i].Number)));
            files.SyncDirectory(directory);
        }

        foreach (var segment in unproven)
        {
            files.Rename(Path.Combine(directory, SegmentHeader.UnfinishedName(segment.Number)), segment.Path);
            files.SyncDirectory(directory);
        }
    }

    /// <summary>
    /// Zeros what stands behind the last frame. If the sync of these zeros fails, the next process reads zeros where the disk still has the remains. It is told by a file that is durable before the first
    /// zero is written, and then writes zeros to all that could hold remains.
    /// </summary>
    private void CutRemains()
    {
        var mark = Path.Combine(directory, SegmentHeader.CutName);
        var isMarked = files.FileExists(mark);
        foreach (var scanner in _tail)
        {
            var end = isMarked ? scanner.Segment.Size : scanner.EndOfRemains();
            if (end <= scanner.Position)
                continue;
            Sometimes.Reached(Sometimes.TornTailDropped);
            if (!isMarked)
            {
                files.Open(mark, OpenMode.OpenOrCreate).Dispose();
                files.SyncDirectory(directory);
                TornBytes += end - scanner.Position;
            }

            scanner.WriteZeros(end);
        }
    }

    private List<Segment> OpenSegments()
    {
        var numbers = new List<ulong>();
        foreach (var name in files.List(directory))
        {
            if (SegmentHeader.TryParseName(name, out var number))
                numbers.Add(number);
            else if (name.StartsWith("wal-", StringComparison.Ordinal) && name.EndsWith(".new", StringComparison.Ordinal))
            {
                _obsolete.Add(Path.Combine(directory, name));
                NeverBegan |= name == SegmentHeader.UnfinishedName(1);
            }
        }

        // What proves that the log never began stays until the first segment has taken its place under its name: whoever is killed in between must not look like one that lost its log.
        if (numbers.Count == 0)
            _obsolete.Remove(Path.Combine(directory, SegmentHeader.UnfinishedName(1)));
        numbers.Sort();
        var segments = new List<Segment>();
        foreach (var number in numbers)
        {
            var path = Path.Combine(directory, SegmentHeader.FileName(number));
            var file = files.Open(path, OpenMode.Existing);
            segments.Add(new Segment(number, path, file, file.Length, SegmentHeader.Seed(identity, number)));
        }

        // Only the run of consecutive numbers at the end can be the log; whether it is long enough, its last frame tells.
        for (var i = segments.Count - 2; i >= 0; i--)
        {
            if (segments[i].Number + 1 == segments[i + 1].Number)
                continue;
            segments.GetRange(0, i + 1).ForEach(Forget);
            segments.RemoveRange(0, i + 1);
            break;
        }

        return segments;
    }

    private void Forget(Segment segment)
    {
        _obsolete.Add(segment.Path);
        segment.File.Dispose();
    }

    private void Replay(List<Segment> segments)
    {
        Index = new WalIndex();
        Spares.Clear();
        _damage.Clear();
        _tail.Clear();
        LastSequence = 0;
        _firstNeeded = 0;
        _lastFrame = default;

        // Where the log has come to: frames found so far end here.
        Segment? last = null;
        (ulong Segment, long Offset)? hole = null;
        var doubt = default(WalDamage);
        foreach (var segment in segments)
        {
            segment.End = SegmentHeader.Size;
            segment.LiveRecords = segment.LiveBytes = 0;
            var scanner = Load(segment);
            if (scanner is null)
            {
                hole ??= (segment.Number, 0);
                doubt ??= new WalDamage(segment.Number, 0, 0, 0, $"segment {segment.Number} has no valid header.");
            }

            var inSegment = 0;
            while (scanner is not null)
            {
                if (!scanner.TryNext(out var header))
                {
                    hole ??= (segment.Number, scanner.Position);
                    if (scanner.IsCertainlyDamaged())
                    {
                        doubt ??= new WalDamage(segment.Number, scanner.Position, LastSequence + 1, 0,
                            $"the batch at offset {scanner.Position} of segment {segment.Number} was written whole and does not match its checksum.");
                    }

                    if (!scanner.SkipToNext())
                        break;
                    // Whatever comes next in this segment stands behind something that was durable.
                    continue;
                }

                var due = LastSequence + 1;
                var first = last is null;
                if (first ? segment.Number == 1 && header.Sequence != 1 || hole is not null : header.Sequence != due)
                    AddDamage(hole ?? (segment.Number, scanner.Position - header.FrameSize), first ? 0 : due, header.Sequence - 1);
                hole = null;
                doubt = null;
                while (last is null || last.Number < segment.Number)
                    last = Adopt(segments, last);
                Take(scanner, header);
                segment.End = scanner.Position;
                _lastFrame = (scanner.Position - header.FrameSize, (int)header.FrameSize);
                inSegment++;
            }

            // What stands in front of a frame is settled; its memory is not kept.
            if (inSegment > 0)
                _tail.Clear();
            if (scanner is not null)
                _tail.Add(scanner);
        }

        FinishTail(segments, last, doubt);
    }

    /// <summary>The next segment of the log becomes part of the index.</summary>
    private Segment Adopt(List<Segment> segments, Segment? last)
    {
        var next = segments[last is null ? 0 : segments.IndexOf(last) + 1];
        Index.AddSegment(next);
        return next;
    }

    private void FinishTail(List<Segment> segments, Segment? last, WalDamage? doubt)
    {
        if (doubt is not null)
            _damage.Add(doubt);
        if (segments.Count == 0)
            return;
        if (last is null)
        {
            if (segments[0].Number != 1)
                _damage.Add(new WalDamage(segments[0].Number, 0, 0, 0, $"segment {segments[0].Number} is the first one and no batch is left in any."));
            last = Adopt(segments, null);
        }
        else if (segments[0].Number > Math.Max(_firstNeeded, 1))
        {
            _damage.Add(new WalDamage(_firstNeeded, 0, 0, 0, $"segments {_firstNeeded} to {segments[0].Number - 1} are missing."));
        }

        if (_damage.Count > 0)
        {
            // Nothing is written behind damage: everything found is kept as it is, and the log goes on in a new segment.
            while (last != segments[^1])
                last = Adopt(segments, last);
            _tail.Clear();
            _lastFrame = default;
            return;
        }

        Spares.AddRange(segments.Where(s => s.Number > last.Number));
    }

    private WalScanner? Load(Segment segment)
    {
        var content = new byte[segment.Size];
        segment.Size = segment.File.Read(0, content) & ~(FrameHeader.Sector - 1L);
        return SegmentHeader.Check(content, identity, segment.Number, segment.Path) ? new WalScanner(segment, content) : null;
    }

    private void Take(WalScanner scanner, in FrameHeader header)
    {
        LastSequence = header.Sequence;
        _firstNeeded = header.FirstSegment;
        var body = scanner.Body;
        var offset = 0;
        for (var i = 0; i < header.Records; i++)
        {
            var record = offset + WalRecord.HeadSize <= body.Length ? WalRecord.Decode(body[offset..]) : default;
            if (record.Type is < RecordType.Entry or > RecordType.Copy || record.Length < 0 || offset + record.Size > body.Length || !IsPossible(record))
            {
                throw new WalDamagedException(
                    $"The write-ahead log is damaged: the batch at offset {scanner.BodyOffset} of segment {scanner.Segment.Number} is intact but its record {i} makes no sense.",
                    scanner.Segment.Number, scanner.BodyOffset + offset);
            }

            Index.Apply(record, scanner.Segment, scanner.BodyOffset + offset);
            offset += (int)record.Size;
        }
    }

    /// <summary>
    /// Whether an index is one that a log can have at this place. What lies between two entries of a group is in the log as well, so they are never further apart than it has room for: a record
    /// that says otherwise would have memory reserved for what cannot be there.
    /// </summary>
    private bool IsPossible(in WalRecord record)
    {
        if (record.Type is not (RecordType.Entry or RecordType.Copy) || !Index.TryGet(record.Group, out var group) || group.Entries.Count == 0)
            return true;
        var entries = group.Entries;
        var distance = record.Index > entries.Last ? record.Index - entries.Last : entries.First > record.Index ? entries.First - record.Index : 0;
        return distance <= _mostRecords;
    }

    private void AddDamage((ulong Segment, long Offset) at, ulong from, ulong through)
    {
        var what = from == 0 ? $"batches before {through + 1}" : from >= through ? $"batch {from}" : $"batches {from} to {through}";
        _damage.Add(new WalDamage(at.Segment, at.Offset, from, through, $"{what} at offset {at.Offset} of segment {at.Segment} can not be read, and later ones can."));
    }

    /// <summary>A log that is whole gives groups without holes, each beginning at its start.</summary>
    private void CheckGroups()
    {
        foreach (var group in Index.Groups)
        {
            var whole = group.Entries.Count == 0 || group.Entries.First == group.Start + 1;
            for (var i = 0; whole && i < group.Entries.Count; i++)
                whole = !group.Entries[group.Entries.First + (ulong)i].IsHole;
            if (whole)
                continue;
            Lacking.Add(group.Group);
            if (_damage.Count == 0)
            {
                _damage.Add(new WalDamage(Index.Segments[0].Number, 0, 0, 0,
                    $"group {group.Group} lacks entries between {group.Start + 1} and {group.Last}, although no batch is missing."));
            }
        }

        Lacking.Sort();
    }
}
