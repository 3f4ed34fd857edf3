using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Log;
using RaftKv.Engine.Wal.Write;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Harness.Wal;

namespace RaftKv.Tests.Properties.Wal;

/// <summary>A log and its model through several power cuts, failed syncs and ends of its process.</summary>
internal sealed class LogLife(SimulatedFileSystem files, SeededRandom random, WalOptions options)
{
    private const string Directory = "/node/wal";

    private readonly WalScript _script = new(random, groups: 5, maxPayload: 120);
    private readonly List<WalBatch> _batches = [];

    /// <summary>The log's possible contents: as acknowledged, and after each batch that was on its way.</summary>
    private readonly List<WalModel> _possible = [new()];

    public SimulatedFileSystem Files { get; private set; } = files;

    public WriteAheadLog? Log { get; private set; }

    public WalModel Model => _possible[0];

    /// <summary>Opens the log, checks it, and does some steps; false when the power failed meanwhile.</summary>
    public bool Run(int steps)
    {
        try
        {
            Open();
            for (var i = 0; i < steps; i++)
                Step();
            return true;
        }
        catch (Exception e) when (e is SimulatedCrashException or WalFailedException or IOException and not WalDamagedException)
        {
            return false;
        }
    }

    public void PowerCut(ulong seed)
    {
        Files = Files.Crash(seed);
        Log = null;
    }

    /// <summary>The process ends alone: the next one reads what is in the page cache.</summary>
    public void Kill(ulong seed)
    {
        Files = Files.Kill(seed);
        Log = null;
    }

    public void Open()
    {
        Log = WriteAheadLog.Open(Files, Directory, options, LogCrashes.Identity);
        Log.Index.CheckCounts();
        var found = WalModel.Describe(Log);
        var match = _possible.FindIndex(m => m.Describe() == found);
        if (match < 0)
            throw new InvalidOperationException($"the log holds\n{found}\nbut should hold\n{string.Join("\nor\n", _possible.Select(m => m.Describe()))}");
        _possible.RemoveRange(match + 1, _possible.Count - match - 1);
        _possible.RemoveRange(0, match);
    }

    private void Step()
    {
        switch (random.Below(20))
        {
            case 0:
                Log!.Seal();
                break;
            case < 4:
                Log!.PrepareSegments();
                break;
            default:
                Write();
                break;
        }

        while (Log!.NeedsCompaction && Log.Compact())
            Log.Index.CheckCounts();
    }

    private void Write()
    {
        var count = random.Chance(700) ? 1 : random.Between(2, 5);
        while (_batches.Count < count)
            _batches.Add(new WalBatch());
        for (var i = 0; i < count; i++)
        {
            _batches[i].Clear();
            var next = _possible[^1].Clone();
            _script.Fill(_batches[i], next);
            _possible.Add(next);
        }

        for (var done = 0; done < count;)
        {
            var written = Log!.Write(_batches.GetRange(done, count - done).ToArray());
            done += written;
            _possible.RemoveRange(0, written);
        }

        Log!.Index.CheckCounts();
    }
}
