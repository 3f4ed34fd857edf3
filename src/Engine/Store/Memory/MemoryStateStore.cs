using System.Buffers.Binary;
using System.Globalization;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store.Checkpoints;
using RaftKv.Engine.Store.Snapshots;

namespace RaftKv.Engine.Store.Memory;

/// <summary>
/// The state in plain sorted collections, for deterministic runs and as the naive twin of the FASTER store. Starts no thread.
/// A checkpoint is one file, <c>checkpoint-N</c>: magic (8), sequence (8), number of groups (4); for each group its number (4), position (24), image length (4) and image
/// (<see cref="ImageFormat"/>); CRC32C of all that (4). The newest two are kept.
/// Without a file system, checkpoints complete but nothing is durable.
/// </summary>
/// <remarks>Invariant: a file takes the name <c>checkpoint-N</c> only after it is written and synced; it replaces N-2 only after its name is synced and it read back whole.</remarks>
public sealed class MemoryStateStore : IStateStore
{
    private const ulong Magic = 0x314D_454D_564B_5452;
    private const string Prefix = "checkpoint-";
    private const string Temporary = "checkpoint.tmp";

    private readonly SortedDictionary<uint, MemoryGroupState> _groups = [];
    private readonly IFileSystem? _files;
    private readonly string _directory;
    private ulong _sequence;
    private PooledBuffer? _pending;
    private CompletedCheckpoint? _pendingResult;

    /// <summary>A store that forgets everything when it is disposed.</summary>
    public MemoryStateStore() => _directory = "";

    private MemoryStateStore(IFileSystem files, string directory)
    {
        _files = files;
        _directory = directory;
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<uint> Groups => _groups.Keys;

    /// <summary>Opens the store in a directory, creating it when it is missing, as its newest whole checkpoint left it.</summary>
    /// <exception cref="StoreDamagedException">There are checkpoints and none is whole.</exception>
    public static MemoryStateStore Open(IFileSystem files, string directory)
    {
        StoreRecovery.OpenDirectory(files, directory);
        files.DeleteFile(Path.Combine(directory, Temporary));
        var store = new MemoryStateStore(files, directory);
        var sequences = store.Sequences();
        foreach (var sequence in sequences)
        {
            if (store.TryLoad(sequence))
            {
                store.SaveAgain();
                return store;
            }

            Sometimes.Reached(Sometimes.CheckpointDamaged);
        }
        return sequences.Count == 0 ? store : throw new StoreDamagedException($"no checkpoint in {directory} is whole");
    }

    /// <inheritdoc/>
    public IGroupState Open(uint group)
    {
        if (!_groups.TryGetValue(group, out var state))
            _groups.Add(group, state = new MemoryGroupState(group));
        return state;
    }

    /// <inheritdoc/>
    public void Drop(uint group) => _groups.Remove(group);

    /// <inheritdoc/>
    public bool TryBeginCheckpoint()
    {
        if (_pending is not null)
            return false;
        _pending = new PooledBuffer();
        _pendingResult = new CompletedCheckpoint(_groups.ToDictionary(pair => pair.Key, pair => pair.Value.Applied));
        Serialise(_pending, ++_sequence);
        return true;
    }

    /// <inheritdoc/>
    public CompletedCheckpoint? PollCheckpoint()
    {
        if (_pending is null)
            return null;
        using var content = _pending;
        _pending = null;
        if (_files is not null)
            Save(_files, content.Span);
        return _pendingResult;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pending?.Dispose();
        _pending = null;
    }

    private string PathOf(ulong sequence) => Path.Combine(_directory, Prefix + sequence.ToString("D20", CultureInfo.InvariantCulture));

    /// <summary>Sequence numbers of the checkpoints present, newest first.</summary>
    private List<ulong> Sequences() => _files!.List(_directory)
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .Select(name => ulong.Parse(name.AsSpan(Prefix.Length), CultureInfo.InvariantCulture))
        .OrderDescending().ToList();

    private void Serialise(PooledBuffer into, ulong sequence)
    {
        into.SetLength(20);
        BinaryPrimitives.WriteUInt64LittleEndian(into.WritableSpan, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(into.WritableSpan[8..], sequence);
        BinaryPrimitives.WriteInt32LittleEndian(into.WritableSpan[16..], _groups.Count);
        foreach (var (group, state) in _groups)
        {
            var start = into.Length;
            into.SetLength(start + 32);
            using (var image = state.OpenSnapshot())
            {
                while (image.ReadChunk(into, 1 << 20))
                    continue;
            }
            var head = into.WritableSpan[start..];
            BinaryPrimitives.WriteUInt32LittleEndian(head, group);
            BinaryPrimitives.WriteUInt64LittleEndian(head[4..], state.Applied.Index);
            BinaryPrimitives.WriteUInt64LittleEndian(head[12..], state.Applied.Term);
            BinaryPrimitives.WriteInt64LittleEndian(head[20..], state.Applied.Time);
            BinaryPrimitives.WriteInt32LittleEndian(head[28..], head.Length - 32);
        }
        var crc = Crc32C.Compute(into.Span);
        BinaryPrimitives.WriteUInt32LittleEndian(into.GetSpan(4), crc);
        into.Advance(4);
    }

    private void Save(IFileSystem files, ReadOnlySpan<byte> content)
    {
        var temporary = Path.Combine(_directory, Temporary);
        files.DeleteFile(temporary);
        using (var file = files.Open(temporary, OpenMode.CreateNew))
        {
            file.Write(0, content);
            file.SyncData();
        }
        files.Rename(temporary, PathOf(_sequence));
        files.SyncDirectory(_directory);
        if (ReadWhole(_sequence) is not { } stored || !content.SequenceEqual(stored))
            throw new StoreFailedException($"checkpoint {_sequence} did not read back as it was written");
        foreach (var old in Sequences().Skip(2))
            files.DeleteFile(PathOf(old));
    }

    /// <summary>Its name may stand in the page cache alone, taken for written by a sync that failed: so it is given again, unless the disk is full (see <see cref="StoreRecovery"/>).</summary>
    private void SaveAgain()
    {
        try
        {
            Save(_files!, ReadWhole(_sequence)!);
        }
        catch (DiskFullException)
        {
            _files!.SyncDirectory(_directory);
        }
    }

    /// <summary>The bytes of a checkpoint whose checksum is right, else null.</summary>
    private byte[]? ReadWhole(ulong sequence)
    {
        using var file = _files!.Open(PathOf(sequence), OpenMode.Existing);
        var content = new byte[file.Length];
        var whole = content.Length >= 24
            && file.Read(0, content) == content.Length
            && BinaryPrimitives.ReadUInt64LittleEndian(content) == Magic
            && BinaryPrimitives.ReadUInt64LittleEndian(content.AsSpan(8)) == sequence
            && BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(content.Length - 4)) == Crc32C.Compute(content.AsSpan(..^4));
        return whole ? content : null;
    }

    private bool TryLoad(ulong sequence)
    {
        if (ReadWhole(sequence) is not { } content)
            return false;
        var rest = content.AsSpan(20..^4);
        for (var left = BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(16)); left > 0; left--)
        {
            var position = new AppliedPosition(
                BinaryPrimitives.ReadUInt64LittleEndian(rest[4..]),
                BinaryPrimitives.ReadUInt64LittleEndian(rest[12..]),
                BinaryPrimitives.ReadInt64LittleEndian(rest[20..]));
            var length = BinaryPrimitives.ReadInt32LittleEndian(rest[28..]);
            using var install = Open(BinaryPrimitives.ReadUInt32LittleEndian(rest)).BeginInstall();
            install.Write(rest.Slice(32, length));
            install.Complete(position);
            rest = rest[(32 + length)..];
        }
        _sequence = sequence;
        return true;
    }
}
