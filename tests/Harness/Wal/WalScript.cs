using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Write;
using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Harness.Wal;

/// <summary>Draws batches that a shard could post: appends, overwritten tails, votes, starts of both kinds, removals; and keeps the model in step.</summary>
public sealed class WalScript(SeededRandom random, int groups, int maxPayload)
{
    private ulong _term = 1;

    /// <summary>Fills a batch and applies the same to the model, which is the log's content once this batch is durable.</summary>
    public void Fill(WalBatch batch, WalModel model)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(model);
        var count = random.Between(1, 6);
        for (var i = 0; i < count; i++)
            AddRecords(batch, model, (uint)random.Below(groups));
    }

    private void AddRecords(WalBatch batch, WalModel model, uint group)
    {
        model.Groups.TryGetValue(group, out var now);
        var (start, last) = (now?.Start ?? 0, now?.Last ?? 0);
        switch (random.Below(100))
        {
            case < 60:
                Append(batch, model, group, last + 1, random.Between(1, 4));
                break;
            case < 70 when last > start:
                _term++;
                Append(batch, model, group, start + 1 + (ulong)random.Below((int)(last - start)), random.Between(1, 3));
                break;
            case < 80:
                batch.SetHardState(group, ++_term, (ulong)random.Below(4));
                model.SetHardState(group, _term, BatchVote(batch));
                break;
            case < 92 when last > start:
                // A group that is slow keeps its log; group 0 hardly ever moves on.
                if (group == 0 && !random.Chance(50))
                    break;
                var index = start + 1 + (ulong)random.Below((int)(last - start));
                Start(batch, model, group, index, random.Chance(900) ? now!.Entries[index].Term : ++_term);
                break;
            case < 95:
                Start(batch, model, group, last + (ulong)random.Between(1, 9), ++_term);
                break;
            case < 97:
                batch.RemoveGroup(group);
                model.RemoveGroup(group);
                break;
            default:
                Append(batch, model, group, last + 1, 1);
                break;
        }
    }

    private static ulong BatchVote(WalBatch batch) => WalRecord.Decode(batch.Body[^(int)WalRecord.SizeOf(0)..]).Index;

    private static void Start(WalBatch batch, WalModel model, uint group, ulong index, ulong term)
    {
        batch.SetStart(group, index, term);
        model.SetStart(group, index, term);
    }

    private void Append(WalBatch batch, WalModel model, uint group, ulong from, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var payload = new byte[random.Chance(20) ? random.Below(maxPayload * 40) : random.Below(maxPayload)];
            // Zeros are the hard case for a recovery that takes zeros for unwritten.
            if (!random.Chance(300))
                random.Fill(payload);
            var entry = new WalEntry(from + (ulong)i, _term, (byte)(random.Chance(50) ? 2 : 0), (long)(random.Next() >> 20), payload);
            batch.AppendEntry(group, entry.Index, entry.Term, entry.Kind, entry.Timestamp, payload);
            model.AppendEntry(group, entry);
        }
    }
}
