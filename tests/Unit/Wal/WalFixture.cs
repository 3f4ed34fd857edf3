using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Log;
using RaftKv.Engine.Wal.Write;
using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Unit.Wal;

/// <summary>A log on a simulated disk, with small segments and short words.</summary>
public abstract class WalFixture
{
    protected const string Home = "/node/wal";

    protected static readonly WalIdentity Identity = new(new Guid("0b54e4b8-35b5-4e7e-8a7c-5a0a6f1d2c3e"), 1);

    protected static readonly WalOptions Options = new() { SegmentSize = 16384, FirstSegmentSize = 16384, RewriteAboveBytes = 0, StepBytes = 4096 };

    protected SimulatedFileSystem Files { get; set; } = new("/node");

    protected WriteAheadLog Open(WalOptions? options = null, WalIdentity? identity = null) => WriteAheadLog.Open(Files, Home, options ?? Options, identity ?? Identity);

    protected static WalBatch Entries(uint group, ulong from, ulong through, ulong term = 1, int size = 10)
    {
        var batch = new WalBatch();
        for (var i = from; i <= through; i++)
            batch.AppendEntry(group, i, term, 0, (long)i, Payload(group, i, term, size));
        return batch;
    }

    protected static WalBatch HardState(uint group, ulong term, ulong vote)
    {
        var batch = new WalBatch();
        batch.SetHardState(group, term, vote);
        return batch;
    }

    protected static WalBatch Start(uint group, ulong index, ulong term)
    {
        var batch = new WalBatch();
        batch.SetStart(group, index, term);
        return batch;
    }

    protected static byte[] Payload(uint group, ulong index, ulong term, int size)
    {
        var bytes = new byte[size];
        for (var i = 0; i < size; i++)
            bytes[i] = (byte)(1 + ((group * 7) + (index * 13) + (term * 31) + (ulong)i) % 255);
        return bytes;
    }

    protected static List<WalEntry> Read(WriteAheadLog log, uint group, ulong first, ulong last, long maxBytes = long.MaxValue)
    {
        var entries = new List<WalEntry>();
        log.Read(group, first, last, maxBytes, entries);
        return entries;
    }

    protected static string SegmentPath(ulong number) => Path.Combine(Home, SegmentHeader.FileName(number));

    /// <summary>Tells what each batch came to.</summary>
    protected sealed class Recorder : IWalCompletion
    {
        public List<(WalBatch Batch, Exception? Failure)> Told { get; } = [];

        public void OnDurable(WalBatch batch) => Told.Add((batch, null));

        public void OnFailed(WalBatch batch, Exception exception) => Told.Add((batch, exception));
    }
}
