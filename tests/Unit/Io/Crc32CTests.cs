using RaftKv.Engine.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Io;

public sealed class Crc32CTests
{
    [Fact]
    public void It_agrees_with_the_published_vectors()
    {
        Assert.Equal(0xE3069283u, Crc32C.Compute("123456789"u8));
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        Assert.Equal(0u, Crc32C.Compute([]));
    }

    [Fact]
    public void Parts_give_the_same_as_the_whole()
    {
        var bytes = new byte[100];
        new Harness.Io.SeededRandom(1).Fill(bytes);
        for (var cut = 0; cut <= bytes.Length; cut++)
            Assert.Equal(Crc32C.Compute(bytes), Crc32C.Append(Crc32C.Compute(bytes.AsSpan(0, cut)), bytes.AsSpan(cut)));
    }
}
