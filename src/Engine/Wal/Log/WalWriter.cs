using System.Runtime.InteropServices;
using RaftKv.Engine.Io;
using RaftKv.Engine.Wal.Write;

namespace RaftKv.Engine.Wal.Log;

/// <summary>
/// The log thread: takes every batch that was posted while it was busy, makes them durable with as few syncs as there can be, and tells their owners. <see cref="Post"/> is thread-safe.
/// Without <see cref="Start"/> it has no thread, and <see cref="RunOnce"/> does the same work, step by step, on the caller's: so a simulation drives it.
/// </summary>
/// <remarks>
/// Invariant: a target is told of its batches in the order in which one thread posted them, each once.
/// Invariant: after a batch of a target was refused, none that was posted behind it is written unless its owner knows (<see cref="WalBatch.AfterRefusal"/>): a log has no gaps.
/// Invariant: after the log failed, every batch is failed, also those yet to come.
/// </remarks>
public sealed class WalWriter : IDisposable
{
    /// <summary>An idle log proves its last batch durable after this long; short against the time in which a bit rots, long against the time between two batches under load.</summary>
    private static readonly TimeSpan SealAfter = TimeSpan.FromMilliseconds(20);

    /// <summary>Between two steps of zeroing, so that the disk belongs to the log.</summary>
    private static readonly TimeSpan PreparePause = TimeSpan.FromMilliseconds(2);

    /// <summary>Between two looks for work, or for space on a full disk.</summary>
    private static readonly TimeSpan PrepareIdle = TimeSpan.FromMilliseconds(50);

    private const int Awake = 0, Parked = 1;

    private readonly WriteAheadLog _log;
    private readonly AutoResetEvent _wake = new(false);
    private readonly ManualResetEvent _stopPreparing = new(false);
    private readonly List<WalBatch> _pending = [];
    private readonly HashSet<IWalCompletion> _refused = new(ReferenceEqualityComparer.Instance);

    /// <summary>The last batch posted; each links to the one before. The writer takes the whole chain and turns it round.</summary>
    private WalBatch? _posted;
    private int _state = Awake;
    private volatile bool _stopping;
    private volatile Exception? _failure;
    private DiskFullException? _refusal;
    private Thread? _writer;
    private Thread? _preparer;

    /// <summary>A writer for a log, which stays the caller's to dispose.</summary>
    public WalWriter(WriteAheadLog log)
    {
        ArgumentNullException.ThrowIfNull(log);
        _log = log;
    }

    /// <summary>Why the log failed; null while it has not. Set before any target is told.</summary>
    public Exception? Failure => _failure;

    /// <summary>Whether something was posted that is not written yet.</summary>
    public bool HasPosted => _pending.Count > 0 || Volatile.Read(ref _posted) is not null;

    /// <summary>
    /// Starts a thread that prepares segments, and, with <paramref name="ownThread"/>, the log thread. Without it somebody else's one thread calls <see cref="RunOnce"/> while
    /// <see cref="HasPosted"/>, and <see cref="Upkeep"/> when it is idle and before <see cref="Dispose"/>.
    /// </summary>
    public void Start(bool ownThread = true)
    {
        Invariant.That(_writer is null && _preparer is null, "the writer was started already");
        _preparer = new Thread(Prepare) { IsBackground = true, Name = "raftkv-segments" };
        _preparer.Start();
        if (!ownThread)
            return;
        _writer = new Thread(Run) { IsBackground = true, Name = "raftkv-log" };
        _writer.Start();
    }

    /// <summary>One step of upkeep that a pause allows: compaction, or the proof that the last batch is durable. On the thread that calls <see cref="RunOnce"/>.</summary>
    public bool Upkeep() => Compact() || Seal();

    /// <summary>Hands a batch over; <paramref name="target"/> is told what became of it. Must not be touched until then. Any thread; never blocks.</summary>
    public void Post(WalBatch batch, IWalCompletion target)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Invariant.That(batch.Target is null, "a batch was posted twice");
        batch.Target = target;
        WalBatch? head;
        do
        {
            head = _posted;
            batch.Next = head;
        }
        while (Interlocked.CompareExchange(ref _posted, batch, head) != head);

        // The exchange above is a full fence: either this sees Parked, or the writer, which declares itself parked before it looks a last time, sees the batch.
        if (Volatile.Read(ref _state) == Parked && Interlocked.Exchange(ref _state, Awake) == Parked)
            _wake.Set();
    }

    /// <summary>
    /// Writes what was posted, as one frame, and tells the owners; with nothing posted, does one step of upkeep (seal, compact, prepare a segment).
    /// False when there was nothing to do at all. On the log thread, or on the one thread that drives a log without one.
    /// </summary>
    public bool RunOnce()
    {
        Collect();
        if (_pending.Count == 0)
            return Compact() || Seal() || (_failure is null && _log.PrepareSegments());
        WritePending();
        // A busy log compacts as well, a step between two frames.
        Compact();
        return true;
    }

    /// <summary>Stops the threads: what was posted before is written, the log is sealed. Nothing may be posted any more: it would not be answered.</summary>
    public void Dispose()
    {
        if (_stopping)
            return;
        _stopping = true;
        _stopPreparing.Set();
        _wake.Set();
        _preparer?.Join();
        _writer?.Join();
        _wake.Dispose();
        _stopPreparing.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            Collect();
            if (_pending.Count > 0)
            {
                WritePending();
                Compact();
            }
            else if (_stopping)
            {
                Seal();
                return;
            }
            else if (!Compact() && !Wait(SealAfter) && !Seal())
            {
                Wait(Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Waits for a post, spinning a little first: most waits under load are shorter than a wake-up. False when the time is over.</summary>
    private bool Wait(TimeSpan time)
    {
        var spin = new SpinWait();
        while (!spin.NextSpinWillYield)
        {
            if (Volatile.Read(ref _posted) is not null || _stopping)
                return true;
            spin.SpinOnce(sleep1Threshold: -1);
        }

        Interlocked.Exchange(ref _state, Parked);
        if (Volatile.Read(ref _posted) is null && !_stopping && !_wake.WaitOne(time) && Interlocked.Exchange(ref _state, Awake) == Parked)
            return false;
        Volatile.Write(ref _state, Awake);
        return true;
    }

    private void Prepare()
    {
        while (!_stopPreparing.WaitOne(_log.PrepareSegments() ? PreparePause : PrepareIdle))
        {
        }
    }

    /// <summary>Moves what was posted to the end of the pending ones, in the order of posting.</summary>
    private void Collect()
    {
        if (Volatile.Read(ref _posted) is null)
            return;
        var chain = Interlocked.Exchange(ref _posted, null);
        var from = _pending.Count;
        for (; chain is not null; chain = chain.Next)
            _pending.Add(chain);
        CollectionsMarshal.AsSpan(_pending)[from..].Reverse();
    }

    private void WritePending()
    {
        var count = CountWritable();
        if (count == 0)
        {
            Release(1, _refusal);
            return;
        }

        try
        {
            if (_failure is { } failure)
                throw new WalFailedException(failure.Message, failure);
            Release(_log.Write(CollectionsMarshal.AsSpan(_pending)[..count]), null);
        }
        catch (DiskFullException e)
        {
            // Only the first one was tried. What other targets posted behind it may still fit, or may use the reserve.
            _refusal = e;
            _refused.Add(_pending[0].Target!);
            Release(1, e);
        }
        catch (IOException e)
        {
            _failure = e;
            Release(_pending.Count, e);
        }
    }

    /// <summary>How many of the first pending batches do not stand behind a refused one that their target does not know of.</summary>
    private int CountWritable()
    {
        if (_refused.Count == 0)
            return _pending.Count;
        for (var i = 0; i < _pending.Count; i++)
        {
            if (!_refused.Contains(_pending[i].Target!))
                continue;
            if (i > 0 || !_pending[i].AfterRefusal)
                return i;
            _refused.Remove(_pending[i].Target!);
        }

        return _pending.Count;
    }

    private void Release(int count, Exception? failure)
    {
        for (var i = 0; i < count; i++)
        {
            var batch = _pending[i];
            var target = batch.Target!;
            batch.Target = null;
            batch.Next = null;
            if (failure is null)
                target.OnDurable(batch);
            else
                target.OnFailed(batch, failure);
        }

        _pending.RemoveRange(0, count);
    }

    private bool Compact() => _failure is null && _log.NeedsCompaction && Guard(static log => log.Compact());

    private bool Seal() => _failure is null && Guard(static log => log.Seal());

    /// <summary>Runs a step of upkeep. A full disk only postpones it; anything else has failed the log, and whoever posts next is told.</summary>
    private bool Guard(Func<WriteAheadLog, bool> step)
    {
        try
        {
            return step(_log);
        }
        catch (DiskFullException)
        {
            return false;
        }
        catch (IOException e)
        {
            _failure = e;
            return false;
        }
    }
}
