using System.Buffers.Binary;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Index;

namespace RaftKv.Engine.Wal.Write;

/// <summary>
/// Looks a frame over before it is written: what it says must fit what the log holds. It also settles each start record, which means one thing when the log has that entry (keep what
/// follows) and another when it has not (empty the log), so that a replay that begins later, without the entry, reads the same.
/// </summary>
internal static class WalFrameCheck
{
    public static void Check(WalIndex index, ReadOnlySpan<WalBatch> batches, ulong sequence)
    {
        for (var b = 0; b < batches.Length; b++)
        {
            var body = batches[b].Body;
            for (var i = 0; i < body.Length;)
            {
                var record = WalRecord.Decode(body[i..]);
                Check(index, batches, sequence, b, i, record);
                i += (int)record.Size;
            }
        }
    }

    private static void Check(WalIndex index, ReadOnlySpan<WalBatch> batches, ulong sequence, int batch, int offset, in WalRecord record)
    {
        if (record.Type is RecordType.HardState or RecordType.Copy)
            return;
        var group = index.Stage(record.Group, sequence);
        switch (record.Type)
        {
            case RecordType.Entry:
                Invariant.That(
                    record.Index > group.StagedStart && record.Index <= group.StagedLast + 1,
                    $"group {record.Group} appends entry {record.Index} to a log of entries {group.StagedStart + 1} to {group.StagedLast}");
                group.StagedLast = record.Index;
                break;
            case RecordType.Start or RecordType.Reset:
                Invariant.That(record.Index >= group.StagedStart, $"group {record.Group} moves its start back from {group.StagedStart} to {record.Index}");
                var keep = TermAt(index, batches, batch, offset, record.Group, record.Index) == record.Term;
                (record with { Type = keep ? RecordType.Start : RecordType.Reset }).Encode(batches[batch].Body.Slice(offset, (int)record.Size));
                group.StagedStart = record.Index;
                if (!keep)
                    group.StagedLast = record.Index;
                break;
            case RecordType.Remove:
                group.StagedStart = group.StagedLast = 0;
                break;
            default:
                Invariant.That(false, $"record type {record.Type} is not known");
                break;
        }
    }

    /// <summary>The term of an entry just before a record of this frame; null if there is no such entry. Walks the frame: starts are rare.</summary>
    private static ulong? TermAt(WalIndex index, ReadOnlySpan<WalBatch> batches, int beforeBatch, int beforeOffset, uint group, ulong entry)
    {
        ulong? term = !index.TryGet(group, out var log) ? entry == 0 ? 0UL : null
            : entry == log.Start ? log.StartTerm
            : log.Entries.Contains(entry) ? log.Entries[entry].Term
            : null;
        for (var b = 0; b <= beforeBatch; b++)
        {
            var body = batches[b].Body;
            for (var i = 0; i < (b == beforeBatch ? beforeOffset : body.Length);)
            {
                var head = body[i..];
                if (BinaryPrimitives.ReadUInt32LittleEndian(head[12..]) == group)
                {
                    var record = WalRecord.Decode(head);
                    term = record.Type switch
                    {
                        RecordType.Entry when record.Index == entry => record.Term,
                        RecordType.Entry when record.Index < entry => null,
                        RecordType.Start or RecordType.Reset when record.Index == entry => record.Term,
                        RecordType.Start when record.Index > entry => null,
                        RecordType.Reset => null,
                        RecordType.Remove => entry == 0 ? 0UL : null,
                        _ => term,
                    };
                }

                i += (int)WalRecord.SizeOf(BinaryPrimitives.ReadInt32LittleEndian(head[4..]));
            }
        }

        return term;
    }
}
