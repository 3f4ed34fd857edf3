using FsCheck;
using FsCheck.Fluent;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;
using Xunit;

namespace RaftKv.Tests.Properties.Transport;

/// <summary>The framing, without sockets. Each case is drawn from its seed; RAFTKV_CASES sets how many, RAFTKV_SEED replays one.</summary>
public sealed class FrameCodecProperties
{
    private const int SmallBuffer = 2048;
    private const int LargeBuffer = 64 * 1024;
    private const int MaxPayload = 200_000;

    [Fact]
    public void Frames_come_out_as_they_went_in_however_the_stream_is_cut() => ForEachSeed(500, random =>
    {
        var frames = DrawFrames(random);
        var read = ReadAll([.. frames.SelectMany(Encode)], random, out var failure);
        Assert.Null(failure);
        Assert.Equal(frames.Count, read.Count);
        for (var i = 0; i < frames.Count; i++)
            AssertSame(frames[i], read[i]);
    });

    [Fact]
    public void A_flipped_bit_is_found_before_the_frame_it_is_in_comes_out() => ForEachSeed(500, random =>
    {
        var frames = DrawFrames(random);
        byte[] stream = [.. frames.SelectMany(Encode)];
        var at = random.Next(stream.Length);
        stream[at] ^= (byte)(1 << random.Next(8));
        var read = ReadAll(stream, random, out var failure);
        var whole = 0;
        for (var end = 0; whole < frames.Count && (end += FrameHeader.Size + frames[whole].Payload.Length) <= at; whole++)
        {
        }

        // Nothing comes out but the frames before the damage. A length made larger may leave the reader waiting for more, which the peer timeout ends.
        Assert.Equal(whole, read.Count);
        for (var i = 0; i < whole; i++)
            AssertSame(frames[i], read[i]);
        if (failure is null)
            Assert.True(BitConverter.ToUInt32(stream, frames.Take(whole).Sum(frame => FrameHeader.Size + frame.Payload.Length)) > 1);
    });

    [Fact]
    public void Random_bytes_never_do_worse_than_end_the_stream() => ForEachSeed(2_000, random =>
    {
        var bytes = new byte[random.Next(5_000)];
        random.NextBytes(bytes);
        Assert.Empty(ReadAll(bytes, random, out _));
    });

    [Fact]
    public void Nothing_large_is_allocated_for_a_length_that_is_only_announced() => ForEachSeed(500, random =>
    {
        using var reader = new FrameReader(SmallBuffer, Introduction.MaxBytes);
        var head = new byte[FrameHeader.Size];
        random.NextBytes(head);
        head.CopyTo(reader.Free);
        reader.Received(head.Length);
        try
        {
            Assert.False(reader.TryRead(out _, out _));
            Assert.InRange(reader.Free.Length, 1, 2 * SmallBuffer);
        }
        catch (FrameException e)
        {
            Assert.Contains("announced a length", e.Message, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            Assert.Fail(e.ToString());
        }
    });

    [Fact]
    public void An_introduction_comes_out_as_it_went_in() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll<ulong, ulong, ulong>((cluster, sender, incarnation) =>
        {
            var name = $"node-{sender % 1000}-ü";
            var identity = new NodeIdentity(Math.Max(cluster, 1), Math.Max(sender, 1), name, Math.Max(incarnation, 1))
            {
                ClusterName = cluster % 2 == 0 ? "" : "produktion-ü",
                Members = string.Join(',', Enumerable.Range(0, (int)(cluster % 31)).Select(i => $"node-{i}")),
                Groups = (int)(sender % 1025),
                IsFinal = incarnation % 2 == 0,
            };
            using var buffer = new PooledBuffer();
            var introduction = new Introduction(1, 1, identity, ~sender);
            introduction.Write(buffer);
            return Introduction.Read(buffer.Span) == introduction;
        }));

    [Fact]
    public void A_damaged_introduction_is_read_or_refused_and_nothing_else() => ForEachSeed(5_000, random =>
    {
        using var buffer = new PooledBuffer();
        new Introduction(1, 1, new NodeIdentity(1 + (ulong)random.NextInt64(), 1, "n1", 5), 2).Write(buffer);
        var bytes = buffer.Span.ToArray().AsSpan(0, random.Next(buffer.Length + 1));
        for (var damage = random.Next(4); damage > 0 && !bytes.IsEmpty; damage--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        try
        {
            var read = Introduction.Read(bytes);
            Assert.DoesNotContain(read.Sender.Name, char.IsControl);
        }
        catch (RefusalException e)
        {
            Assert.Contains(e.Code, new[] { RefusalCode.Malformed, RefusalCode.Version });
        }
    });

    private static List<(FrameType Type, byte[] Payload)> DrawFrames(Random random)
    {
        var frames = new List<(FrameType, byte[])>();
        for (var count = random.Next(1, 30); count > 0; count--)
        {
            var payload = new byte[random.Next(10) switch { 0 => 0, < 7 => random.Next(200), < 9 => random.Next(40_000), _ => random.Next(MaxPayload + 1) }];
            random.NextBytes(payload);
            frames.Add((random.Next(5) == 0 ? FrameType.KeepAlive : FrameType.Data, payload));
        }

        return frames;
    }

    private static byte[] Encode((FrameType Type, byte[] Payload) frame)
    {
        var bytes = new byte[FrameHeader.Size + frame.Payload.Length];
        FrameHeader.Write(bytes, frame.Type, frame.Payload);
        frame.Payload.CopyTo(bytes, FrameHeader.Size);
        return bytes;
    }

    private static List<(FrameType Type, byte[] Payload)> ReadAll(byte[] stream, Random random, out FrameException? failure)
    {
        var frames = new List<(FrameType, byte[])>();
        using var reader = new FrameReader(SmallBuffer, Introduction.MaxBytes);
        reader.Widen(random.Next(2) == 0 ? SmallBuffer : LargeBuffer, MaxPayload);
        var largestPiece = random.Next(3) switch { 0 => 1 + random.Next(20), 1 => 1 + random.Next(2_000), _ => 100_000 };
        failure = null;
        try
        {
            for (var at = 0; at < stream.Length;)
            {
                var free = reader.Free;
                var count = Math.Min(Math.Min(free.Length, 1 + random.Next(largestPiece)), stream.Length - at);
                stream.AsSpan(at, count).CopyTo(free.Span);
                reader.Received(count);
                at += count;
                while (reader.TryRead(out var type, out var payload))
                {
                    frames.Add((type, payload is null ? [] : payload.Span.ToArray()));
                    payload?.Dispose();
                }
            }
        }
        catch (FrameException e)
        {
            failure = e;
        }

        return frames;
    }

    private static void AssertSame((FrameType Type, byte[] Payload) expected, (FrameType Type, byte[] Payload) actual)
    {
        Assert.Equal(expected.Type, actual.Type);
        Assert.True(expected.Payload.AsSpan().SequenceEqual(actual.Payload), $"{expected.Payload.Length} bytes became {actual.Payload.Length} others");
    }

    private static void ForEachSeed(int defaultCases, Action<Random> body)
    {
        var replay = Environment.GetEnvironmentVariable("RAFTKV_SEED");
        var cases = replay is not null ? 1 : int.Parse(Environment.GetEnvironmentVariable("RAFTKV_CASES") ?? $"{defaultCases}", null);
        for (var i = 0; i < cases; i++)
        {
            var seed = replay is not null ? int.Parse(replay, null) : i + 1;
            try
            {
                body(new Random(seed));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed} (RAFTKV_SEED={seed} replays it): {e.Message}", e);
            }
        }
    }
}
