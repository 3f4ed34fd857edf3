using RaftKv.Consensus.Raft;
using RaftKv.Engine.Wal;

namespace RaftKv.Tests.Harness.Raft;

/// <summary>
/// One replica's durable state, as a model: batches are written in order, each becomes durable at some later time, and a crash keeps some prefix of those under way.
/// </summary>
public sealed class SimulatedDisk : ILogStorage
{
    private readonly List<LogEntry> _entries = [];
    private readonly Queue<Batch> _underWay = [];

    public ulong Term { get; private set; }
    public ulong Vote { get; private set; }
    public ulong StartIndex { get; private set; }
    public ulong StartTerm { get; private set; }
    public ulong LastIndex => StartIndex + (ulong)_entries.Count;
    public int UnderWay => _underWay.Count;

    /// <summary>What the state machine's last durable image holds.</summary>
    public StateImage Image { get; private set; } = new(0, 0, new Configuration(), 0);

    public void Start(StateImage image) => Image = image;

    /// <summary>Hands a batch over; payloads are copied.</summary>
    public void Write(StorageToken token, (ulong Term, ulong Vote)? hardState, IEnumerable<LogEntry> entries) =>
        _underWay.Enqueue(new Batch(token, hardState, [.. entries.Select(e => e with { Payload = e.Payload.ToArray() })]));

    /// <summary>The oldest batch becomes durable.</summary>
    public StorageToken SyncOne()
    {
        var batch = _underWay.Dequeue();
        Apply(batch);
        return batch.Token;
    }

    /// <summary>Power fails: the first <paramref name="kept"/> batches under way happen to have reached the disk.</summary>
    public void Crash(int kept)
    {
        while (kept-- > 0 && _underWay.Count > 0)
            Apply(_underWay.Dequeue());
        _underWay.Clear();
    }

    /// <summary>The image is durable; the log up to it may go (<paramref name="trim"/>: it does).</summary>
    public void Checkpoint(StateImage image, bool trim)
    {
        Image = image;
        if (!trim || image.Index <= StartIndex)
            return;
        StartTerm = TermAt(image.Index);
        _entries.RemoveRange(0, (int)(image.Index - StartIndex));
        StartIndex = image.Index;
    }

    /// <summary>The log is replaced by an image.</summary>
    public void Install(StateImage image)
    {
        while (_underWay.Count > 0)
            Apply(_underWay.Dequeue());
        Image = image;
        _entries.Clear();
        StartIndex = image.Index;
        StartTerm = image.Term;
    }

    /// <summary>Term of a durable entry, 0 if there is none.</summary>
    public ulong TermAt(ulong index) =>
        index == StartIndex ? StartTerm : index > StartIndex && index <= LastIndex ? _entries[(int)(index - StartIndex - 1)].Term : 0;

    public void Read(ulong first, ulong last, long maxBytes, List<LogEntry> into)
    {
        var bytes = 0L;
        for (var index = first; index <= last && (index == first || bytes <= maxBytes); index++)
        {
            var entry = _entries[(int)(index - StartIndex - 1)];
            bytes += entry.Payload.Length;
            into.Add(entry);
        }
    }

    /// <summary>What a node finds when it starts.</summary>
    public RaftInitialState Recover()
    {
        var terms = new List<TermRun>();
        foreach (var entry in _entries)
        {
            if (terms.Count == 0 ? entry.Term != StartTerm || StartIndex == 0 : terms[^1].Term != entry.Term)
                terms.Add(new TermRun(entry.Index, entry.Term));
        }

        return new RaftInitialState
        {
            Term = Term, Vote = Vote, StartIndex = StartIndex, StartTerm = StartTerm, LastIndex = LastIndex, Terms = terms,
            AppliedIndex = Image.Index, Configuration = Image.Configuration,
            LaterConfigurations = [.. _entries.Where(e => e.Kind == EntryKind.Configuration && e.Index > Image.Index)],
            LastTimestamp = _entries.Count > 0 ? _entries[^1].Timestamp : 0,
        };
    }

    private void Apply(Batch batch)
    {
        if (batch.HardState is { } state)
            (Term, Vote) = state;
        foreach (var entry in batch.Entries)
        {
            if (entry.Index <= StartIndex)
                throw new InvalidOperationException($"entry {entry.Index} written below the log's start {StartIndex}");
            var position = (int)(entry.Index - StartIndex - 1);
            if (position > _entries.Count)
                throw new InvalidOperationException($"entry {entry.Index} leaves a gap after {LastIndex}");
            _entries.RemoveRange(position, _entries.Count - position);
            _entries.Add(entry);
        }
    }

    private sealed record Batch(StorageToken Token, (ulong Term, ulong Vote)? HardState, List<LogEntry> Entries);
}

/// <summary>A state machine's image: the whole history as one hash.</summary>
public sealed record StateImage(ulong Index, ulong Term, Configuration Configuration, ulong Hash);
