using FASTER.core;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store.HybridLog;

namespace RaftKv.Engine.Store.Checkpoints;

/// <summary>
/// Takes checkpoints: FASTER's fold-over first, then sync, check and manifest. The shard's thread drives it; sync, check and manifest run on the maintenance thread.
/// </summary>
/// <remarks>
/// Invariant: a checkpoint is the log up to its tail as it was between two entries: <see cref="Begin"/> returns only after FASTER has fixed that tail, so that no later record is below it.
/// Invariant: order on disk: log blocks, sync, directory, sync, manifest; then, and only after both read back whole, the manifest before the previous one and the segments below the previous one's begin are deleted.
/// </remarks>
internal sealed class StoreCheckpointer(
    IFileSystem files,
    string directory,
    StoreManifest last,
    FasterKV<SpanByte, SpanByte> kv,
    ClientSession<SpanByte, SpanByte, Empty, ReadResult, Empty, StoreFunctions> session,
    CheckpointMetadata metadata,
    HybridLogDevice device,
    DiskReserve reserve,
    WorkerThread? writer,
    WorkerThread? maintenance)
{
    private StoreManifest _last = last;
    private StoreManifest? _current;
    private bool _saving;
    private Outcome? _outcome;

    /// <summary>Whether a checkpoint is being taken.</summary>
    public bool UnderWay => _current is not null;

    /// <summary>Starts a checkpoint of everything written so far.</summary>
    public void Begin(IReadOnlyList<ManifestGroup> groups, long serial, long keys, long indexBytes, uint nextIncarnation)
    {
        var tail = kv.Log.TailAddress;
        var begun = kv.TryInitiateHybridLogCheckpoint(out var token, CheckpointType.FoldOver);
        Invariant.That(begun, "FASTER is taking a checkpoint that the store did not ask for");

        // Between entries on the only thread that writes. The loop lasts until every read in progress on another thread has left FASTER, microseconds; a read waiting for the disk has left it already.
        while (kv.SystemState.Phase is not (Phase.WAIT_FLUSH or Phase.PERSISTENCE_CALLBACK or Phase.REST))
            session.Refresh();
        Invariant.That(kv.Log.TailAddress == tail, $"the log grew from {tail} to {kv.Log.TailAddress} while a checkpoint began");
        _current = _last with
        {
            Sequence = _last.Sequence + 1,
            Begin = kv.Log.BeginAddress,
            Tail = serial == 0 ? 0 : tail,
            Serial = serial,
            Keys = keys,
            IndexBytes = indexBytes,
            NextIncarnation = nextIncarnation,
            Token = token,
            Groups = groups,
        };
    }

    /// <summary>Drives the checkpoint on; returns it when it is durable.</summary>
    public CompletedCheckpoint? Poll()
    {
        if (_current is null)
            return null;
        if (!_saving)
            StartSavingWhenFlushed(_current);
        device.ThrowIfFailed();
        if (Volatile.Read(ref _outcome) is not { } outcome)
            return null;
        _outcome = null;
        _saving = false;
        _current = null;
        if (outcome.Error is DiskFullException full)
        {
            // The next attempt finds room: the log is written already, and a manifest is small.
            reserve.Release();
            throw full;
        }

        if (outcome.Error is { } error)
            device.Fail(error);
        device.ThrowIfFailed();
        _last = outcome.Manifest;
        return new CompletedCheckpoint(_last.Groups.ToDictionary(group => group.Group, group => group.Applied));
    }

    private void StartSavingWhenFlushed(StoreManifest current)
    {
        session.Refresh();
        if (metadata.Take() is not { } bytes)
            return;
        _saving = true;
        if (writer is null || maintenance is null)
        {
            Volatile.Write(ref _outcome, Save(current, bytes, ReadLastBlock(current.Tail)));
            return;
        }

        // The last block is written again and again as the log grows: read it where it is written.
        writer.Post(() =>
        {
            var lastBlock = ReadLastBlock(current.Tail);
            maintenance.Post(() => Volatile.Write(ref _outcome, Save(current, bytes, lastBlock)));
        });
    }

    private (byte[] Bytes, IOException? Error) ReadLastBlock(long tail)
    {
        try
        {
            return (device.ReadBlock(tail, (int)(tail % HybridLogDevice.BlockSize)), null);
        }
        catch (IOException exception)
        {
            return ([], exception);
        }
    }

    private Outcome Save(StoreManifest current, byte[] metadataBytes, (byte[] Bytes, IOException? Error) lastBlock)
    {
        var manifest = current with { Metadata = metadataBytes, LastBlock = lastBlock.Bytes };
        try
        {
            if (lastBlock.Error is { } failure)
                return new Outcome(manifest, failure);
            device.ThrowIfFailed();
            device.Sync();
            device.Verify(StoreRecovery.BlockStart(Math.Max(_last.Tail, manifest.Begin)), StoreRecovery.BlockStart(manifest.Tail));
            manifest.Save(files, directory);
            if (StoreManifest.TryLoad(files, directory, manifest.Sequence) is null)
                return new Outcome(manifest, new StoreDamagedException($"manifest {manifest.Sequence} did not read back as it was written"));
            foreach (var sequence in StoreManifest.List(files, directory))
            {
                if (sequence + 1 < manifest.Sequence)
                    StoreManifest.Delete(files, directory, sequence);
            }
            device.RemoveBelow(_last.Begin);
            return new Outcome(manifest, null);
        }
        catch (IOException exception)
        {
            return new Outcome(manifest, exception);
        }
    }

    private sealed record Outcome(StoreManifest Manifest, IOException? Error);
}
