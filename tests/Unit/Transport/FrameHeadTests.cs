using RaftKv.Consensus.Transport;
using Xunit;

namespace RaftKv.Tests.Unit.Transport;

public sealed class FrameHeadTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(100_000)]
    public void A_flipped_bit_anywhere_in_a_head_is_refused_before_a_byte_of_the_payload_is_waited_for(int payloadLength)
    {
        var head = new byte[FrameHeader.Size];
        FrameHeader.Write(head, payloadLength == 0 ? FrameType.KeepAlive : FrameType.Data, new byte[payloadLength]);
        Assert.Equal(payloadLength == 0, TryRead(head));
        for (var bit = 0; bit < head.Length * 8; bit++)
        {
            var damaged = head.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(Record.Exception(() => TryRead(damaged)) is FrameException, $"bit {bit} of the head of a frame of {payloadLength} bytes was changed, and the reader waits for more");
        }
    }

    /// <summary>Whether a head alone is a whole frame.</summary>
    private static bool TryRead(byte[] head)
    {
        using var reader = new FrameReader(2048, 64 << 20);
        head.CopyTo(reader.Free);
        reader.Received(head.Length);
        return reader.TryRead(out _, out _);
    }
}
