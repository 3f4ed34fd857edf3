using RaftKv.Engine.Buffers;
using Xunit;

namespace RaftKv.Tests.Unit.Buffers;

public sealed class LargeArraysTests
{
    [Fact]
    public void Large_buffers_waste_at_most_a_quarter_and_are_kept_up_to_a_bound()
    {
        List<PooledBuffer> buffers = [];
        for (var length = LargeArrays.Threshold + 1; length < 40 << 20; length += (length / 7) + 1)
        {
            var buffer = new PooledBuffer(length);
            Assert.InRange(buffer.Capacity, length, length + (length / 4) + 1);
            buffers.Add(buffer);
        }

        for (var i = 0; i < 100; i++)
            buffers.Add(new PooledBuffer(3 << 20));
        foreach (var buffer in buffers)
        {
            buffer.Dispose();
            Assert.InRange(LargeArrays.KeptBytes, 0, LargeArrays.MaxKeptBytes);
        }
    }

    [Fact]
    public void What_a_buffer_holds_survives_its_growth_from_one_kind_of_array_to_the_other()
    {
        using var buffer = new PooledBuffer();
        for (var i = 0; i < 3 << 20; i += 4)
            buffer.Write(BitConverter.GetBytes(i));
        for (var i = 0; i < 3 << 20; i += 4)
            Assert.Equal(i, BitConverter.ToInt32(buffer.Span[i..]));
    }
}
