using System.Buffers;

namespace RaftKv.Server.Resp.Protocol;

/// <summary>Takes replies that nobody is to see: CLIENT REPLY OFF, and clients that are gone. One per thread, since what is written is scratch.</summary>
internal sealed class DiscardingWriter : IBufferWriter<byte>
{
    [ThreadStatic]
    private static byte[]? _scratch;

    public static DiscardingWriter Instance { get; } = new();

    public void Advance(int count)
    {
    }

    public Memory<byte> GetMemory(int sizeHint = 0) => Scratch(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) => Scratch(sizeHint);

    private static byte[] Scratch(int sizeHint)
    {
        if (sizeHint > 1 << 16)
            return new byte[sizeHint];
        return _scratch ??= new byte[1 << 16];
    }
}
