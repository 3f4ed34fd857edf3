using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Log;
using RaftKv.Engine.Wal.Write;
using RaftKv.Tests.Harness;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Harness.Wal;
using Xunit;

namespace RaftKv.Tests.Properties.Wal;

/// <summary>Bits that flip, sectors that turn to zeros or to another's content, files that vanish: found, or harmless, never wrong bytes.</summary>
public sealed class LogBitRot
{
    private const string Directory = "/node/wal";

    [Fact]
    public void Rot_in_a_sealed_log_is_found_or_harmless()
    {
        int found = 0, harmless = 0;
        foreach (var seed in CaseCount.Seeds(60))
        {
            var random = new SeededRandom(seed);
            var segment = random.Chance(500) ? 8192 : 16384;
            var life = new LogLife(new SimulatedFileSystem("/node"), random, LogCrashes.Options(segment));
            life.Run(random.Between(5, 80));
            life.Log!.Seal();
            while (life.Log.PrepareSegments())
            {
            }

            for (var i = 0; i < 12; i++)
            {
                var undo = Rot(life.Files, random, out var what);
                try
                {
                    // Reading it all must not throw either: what opens is whole.
                    var log = WriteAheadLog.Open(life.Files, Directory, LogCrashes.Options(segment), LogCrashes.Identity);
                    Assert.True(WalModel.Describe(log) == life.Model.Describe(), $"RAFTKV_SEED={seed}: {what} changed what the log holds");
                    harmless++;
                }
                catch (WalDamagedException)
                {
                    found++;
                }

                undo();
            }
        }

        Assert.True(found > 0 && harmless > 0);
    }

    [Fact]
    public void A_flipped_bit_in_the_last_batch_of_an_unsealed_log_is_found_or_harmless()
    {
        foreach (var seed in CaseCount.Seeds(60))
        {
            var random = new SeededRandom(seed);
            var options = new WalOptions { SegmentSize = 16384, FirstSegmentSize = 16384 };
            var files = new SimulatedFileSystem("/node");
            var model = new WalModel();
            var script = new WalScript(random, 3, 100);
            var log = WriteAheadLog.Open(files, Directory, options, LogCrashes.Identity);
            var batch = new WalBatch();
            for (var i = random.Between(1, 6); i > 0; i--)
            {
                batch.Clear();
                script.Fill(batch, model);
                if (!batch.IsEmpty)
                    log.Write(batch);
            }

            var segment = log.Index.Segments[^1];
            if (segment.End == SegmentHeader.Size)
                continue;
            var path = segment.Path;
            for (var i = 0; i < 20; i++)
            {
                var bit = (SegmentHeader.Size * 8L) + random.Below((int)(segment.End - SegmentHeader.Size) * 8);
                files.FlipBit(path, bit);
                // The one case that can not be seen: a sector that had a single bit set, and looks unwritten without it.
                var sector = files.ReadAll(path).AsSpan((int)(bit / 8 / 512 * 512), 512);
                if (sector.IndexOfAnyExcept((byte)0) < 0)
                {
                    files.FlipBit(path, bit);
                    continue;
                }

                try
                {
                    var again = WriteAheadLog.Open(files, Directory, options, LogCrashes.Identity);
                    Assert.True(WalModel.Describe(again) == model.Describe(), $"RAFTKV_SEED={seed}: bit {bit} changed what the log holds");
                    Assert.Equal(0, again.Recovery.TornBytes);
                }
                catch (WalDamagedException)
                {
                    Assert.True(true);
                }

                files.FlipBit(path, bit);
            }
        }
    }

    private static Action Rot(SimulatedFileSystem files, SeededRandom random, out string what)
    {
        var names = files.List(Directory);
        var path = Path.Combine(Directory, names[random.Below(names.Count)]);
        var before = files.ReadAll(path);
        var at = random.Chance(300) ? random.Below(4096) : random.Below(before.Length);
        switch (random.Below(3))
        {
            case 0:
                files.FlipBit(path, (at * 8L) + random.Below(8));
                what = $"a flipped bit at {at} of {path}";
                break;
            case 1:
                Overwrite(at / 512 * 512, new byte[512]);
                what = $"a zeroed sector at {at / 512 * 512} of {path}";
                break;
            default:
                var from = random.Below(before.Length / 512) * 512;
                Overwrite(at / 512 * 512, before.AsSpan(from, 512).ToArray());
                what = $"the sector at {from} written to {at / 512 * 512} of {path}";
                break;
        }

        return () => Overwrite(0, before);

        void Overwrite(int offset, byte[] bytes)
        {
            for (var i = 0; i < bytes.Length; i++)
            {
                var b = bytes[i];
                files.Corrupt(path, offset + i, _ => b);
            }
        }
    }
}
