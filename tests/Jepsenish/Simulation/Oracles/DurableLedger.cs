using System.Buffers.Binary;
using RaftKv.Engine.Wal.Format;
using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>
/// What a machine's disk durably holds of all groups: read from the bytes of the log as they pass, and believed once their file was synced. It belongs to the disk and outlives processes:
/// what a killed process had written without a sync is in the page cache, and durable only when somebody syncs that file; what a failed sync was to write, only when it is written again.
/// </summary>
internal sealed class DurableLedger
{
    private const uint FrameMagic = 0x464B_5652;

    private readonly Dictionary<uint, DurableGroup> _groups = [];
    private readonly List<(string Path, long Offset, byte[] Frame)> _unsynced = [];
    private ulong _lastSequence;

    /// <summary>Whether anything that others may rely on is durable.</summary>
    public bool HasPromised => _groups.Values.Any(g => g.Term > 0);

    /// <summary>What is durable of a group.</summary>
    public DurableGroup Group(uint group)
    {
        if (!_groups.TryGetValue(group, out var known))
            _groups.Add(group, known = new DurableGroup());
        return known;
    }

    /// <summary>Bytes were given to a file.</summary>
    public void OnWritten(string path, long offset, ReadOnlySpan<byte> data)
    {
        if (data.Length >= FrameHeader.Size && BinaryPrimitives.ReadUInt32LittleEndian(data) == FrameMagic)
        {
            // A process that was started again writes the last frame once more.
            _unsynced.RemoveAll(w => w.Path == path && w.Offset == offset);
            _unsynced.Add((path, offset, data.ToArray()));
        }
    }

    /// <summary>What was written to a file (to any, for null) and not synced is taken for written by the kernel, and was not: no later sync makes it durable.</summary>
    public void OnForgotten(string? path) => _unsynced.RemoveAll(w => path is null || w.Path == path);

    /// <summary>A file was synced.</summary>
    public void OnSynced(string path)
    {
        for (var i = 0; i < _unsynced.Count; i++)
        {
            if (_unsynced[i].Path != path)
                continue;
            Apply(_unsynced[i].Frame);
            _unsynced.RemoveAt(i--);
        }
    }

    /// <summary>A file has another name.</summary>
    public void OnRenamed(string from, string to)
    {
        for (var i = 0; i < _unsynced.Count; i++)
        {
            if (_unsynced[i].Path == from)
                _unsynced[i] = _unsynced[i] with { Path = to };
        }
    }

    /// <summary>The power failed: what is on the disk now is durable. A frame counts when it and all before it are whole, as recovery must see it.</summary>
    public void OnPowerCut(SimulatedFileSystem after)
    {
        foreach (var (path, offset, frame) in _unsynced)
        {
            if (!after.FileExists(path))
                break;
            var content = after.ReadAll(path);
            if (content.Length < offset + frame.Length || !content.AsSpan((int)offset, frame.Length).SequenceEqual(frame))
                break;
            Apply(frame);
        }

        _unsynced.Clear();
    }

    /// <summary>A frame that is known, and was written again, tells nothing new.</summary>
    private void Apply(ReadOnlySpan<byte> frame)
    {
        var sequence = BinaryPrimitives.ReadUInt64LittleEndian(frame[8..]);
        if (sequence <= _lastSequence)
            return;
        _lastSequence = sequence;
        var body = frame.Slice(FrameHeader.Size, BinaryPrimitives.ReadInt32LittleEndian(frame[32..]));
        while (!body.IsEmpty)
        {
            var record = WalRecord.Decode(body);
            if (record.Type == RecordType.Remove)
                _groups.Remove(record.Group);
            else
                Group(record.Group).Apply(record);
            body = body[(int)record.Size..];
        }
    }
}
