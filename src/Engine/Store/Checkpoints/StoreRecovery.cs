using System.Buffers.Binary;
using FASTER.core;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Engine.Store.Keys;

namespace RaftKv.Engine.Store.Checkpoints;

/// <summary>The steps that lead from a directory to a running store.</summary>
internal static class StoreRecovery
{
    /// <summary>The block boundary at or below an address.</summary>
    public static long BlockStart(long address) => address - address % HybridLogDevice.BlockSize;

    /// <summary>
    /// The newest manifest that is whole and whose log is whole: every block of it is read. A new directory gets manifest 0, of an empty store, before the log's first file exists,
    /// so that files without a manifest are never mistaken for a new store.
    /// </summary>
    public static StoreManifest FindManifest(IFileSystem files, string directory, FasterStoreOptions options)
    {
        OpenDirectory(files, directory);
        var sequences = StoreManifest.List(files, directory);
        if (sequences.Count == 0)
            return Create(files, directory, options);
        var reasons = new List<string>();
        foreach (var sequence in sequences)
        {
            if (reasons.Count > 0)
                Sometimes.Reached(Sometimes.CheckpointDamaged);
            var manifest = StoreManifest.TryLoad(files, directory, sequence);
            if (manifest is null)
            {
                reasons.Add($"manifest {sequence} is damaged");
                continue;
            }
            CheckSizes(manifest, options);
            if (FindDamage(files, directory, manifest) is { } damage)
                reasons.Add($"checkpoint {sequence}: {damage.Message}");
            else
                return Accept(files, directory, sequences, manifest);
        }
        throw new StoreDamagedException($"no checkpoint in {directory} is whole: {string.Join("; ", reasons)}");
    }

    /// <summary>
    /// Makes a store's directory durable, with all names in it. A checkpoint's may stand in the page cache alone, when the process that gave it was killed in front of its sync; the write-ahead log
    /// may be cut by what is recovered from it, and a power cut must not bring the checkpoint before it back.
    /// </summary>
    public static void OpenDirectory(IFileSystem files, string directory)
    {
        if (!files.DirectoryExists(directory))
            files.CreateDirectory(directory);
        files.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(directory)) ?? directory);
        files.SyncDirectory(directory);
    }

    /// <summary>
    /// Makes the log on disk end where the manifest says. FASTER does not look beyond the tail that it recovers; cutting leaves nothing there that would have to be right.
    /// The last block is restored from the manifest, because it may have been written again since.
    /// </summary>
    public static void RestoreLog(HybridLogDevice device, StoreManifest manifest)
    {
        device.CutAt(BlockStart(manifest.Tail));
        if (manifest.LastBlock.Length == 0)
            return;
        var block = new byte[HybridLogDevice.BlockSize];
        manifest.LastBlock.CopyTo(block, 0);
        device.WriteNow(BlockStart(manifest.Tail), block);
        device.Sync();
    }

    /// <summary>Fills the key indexes from the log, where a later record of a key replaces an earlier one; then, in a second pass, the expiry indexes, with what is left.</summary>
    public static void RebuildIndexes(LogAccessor<SpanByte, SpanByte> log, IReadOnlyDictionary<uint, StoreSpace> spaces)
    {
        var expiries = false;
        using (var records = log.Scan(log.BeginAddress, log.TailAddress, ScanBufferingMode.DoublePageBuffering))
        {
            while (records.GetNext(out var info))
            {
                var key = records.GetKey().AsReadOnlySpan();
                if (!TryGetSpace(spaces, key, out var space))
                    continue;
                if (info.Tombstone)
                {
                    space.Remove(key[SpaceId.Size..], out _);
                    continue;
                }
                var value = records.GetValue().AsReadOnlySpan();
                var expires = BinaryPrimitives.ReadInt64LittleEndian(value[8..]) != 0;
                expiries |= expires;
                space.Set(key[SpaceId.Size..], new IndexEntry(records.CurrentAddress, value.Length - StoreFunctions.HeaderSize, expires), out _);
            }
        }
        if (!expiries)
            return;
        using var again = log.Scan(log.BeginAddress, log.TailAddress, ScanBufferingMode.DoublePageBuffering);
        while (again.GetNext(out var info))
        {
            var key = again.GetKey().AsReadOnlySpan();
            if (info.Tombstone || !TryGetSpace(spaces, key, out var space))
                continue;
            key = key[SpaceId.Size..];
            if (space.Keys.TryGet(key, out var entry) && entry.Expires && entry.Address == again.CurrentAddress)
                space.AddExpiry(BinaryPrimitives.ReadInt64LittleEndian(again.GetValue().AsReadOnlySpan()[8..]), key);
        }
    }

    /// <summary>The space that a stored key belongs to, if its records are not garbage.</summary>
    public static bool TryGetSpace(IReadOnlyDictionary<uint, StoreSpace> spaces, ReadOnlySpan<byte> storedKey, out StoreSpace space)
    {
        var id = SpaceId.Read(storedKey);
        return spaces.TryGetValue(id.Incarnation, out space!) && space.Id == id;
    }

    private static StoreManifest Create(IFileSystem files, string directory, FasterStoreOptions options)
    {
        if (HybridLogSegments.List(files, directory).Count > 0)
            throw new StoreDamagedException($"{directory} holds a store's log and no manifest");
        var manifest = new StoreManifest { PageBytes = options.PageBytes, SegmentBytes = options.SegmentBytes };
        manifest.Save(files, directory);
        return manifest;
    }

    private static void CheckSizes(StoreManifest manifest, FasterStoreOptions options)
    {
        if (manifest.PageBytes != options.PageBytes || manifest.SegmentBytes != options.SegmentBytes)
        {
            throw new ArgumentException(
                $"the store was created with PageBytes {manifest.PageBytes} and SegmentBytes {manifest.SegmentBytes}, not {options.PageBytes} and {options.SegmentBytes}");
        }
    }

    private static StoreDamagedException? FindDamage(IFileSystem files, string directory, StoreManifest manifest)
    {
        using var device = new HybridLogDevice(files, directory, manifest.SegmentBytes, null);
        try
        {
            device.Verify(BlockStart(manifest.Begin), BlockStart(manifest.Tail));
            return null;
        }
        catch (StoreDamagedException damage)
        {
            return damage;
        }
    }

    /// <summary>Removes newer manifests: they are damaged, and their numbers will be used again. Makes the accepted one durable.</summary>
    private static StoreManifest Accept(IFileSystem files, string directory, List<ulong> sequences, StoreManifest manifest)
    {
        var newer = sequences.Where(sequence => sequence > manifest.Sequence).ToList();
        foreach (var sequence in newer)
            StoreManifest.Delete(files, directory, sequence);
        // All that it vouches for was synced before it got its name; the name itself may stand in the page cache alone, taken for written by a sync that failed. So it is given again.
        try
        {
            manifest.Save(files, directory);
        }
        catch (DiskFullException)
        {
            // A full disk must not keep a node from starting, and a name alone is metadata, which file systems that keep a journal do not confirm after they failed to write it.
            files.SyncDirectory(directory);
        }

        return manifest;
    }
}
