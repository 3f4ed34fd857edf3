using System.Buffers.Binary;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>How a leader answers a forwarded write. On the wire: numbers are never changed.</summary>
internal enum ForwardAnswer : byte
{
    /// <summary>Applied; the result follows.</summary>
    Done = 0,

    /// <summary>Taken, and leadership was lost meanwhile: it may take effect. Ask whoever leads now, with the same identity.</summary>
    Lost = 1,

    /// <summary>Not taken, nor will be: without effect. Ask whoever leads now.</summary>
    NotTaken = 2,

    /// <summary>Applied; the result is too long for the way back, or finds no room on it. None follows.</summary>
    ResultDropped = 3,
}

/// <summary>
/// Writes on their way from the node that accepted them to the leader, and back. Items of a frame stand one after another:
/// u32 length of what follows, u32 group, u64 request, then the command; or in an answer u8 <see cref="ForwardAnswer"/>, then the result. Little-endian.
/// </summary>
internal static class ForwardCodec
{
    private const int RequestHead = 4 + 8;
    private const int AnswerHead = RequestHead + 1;

    /// <summary>Bytes of a request or an answer beyond the command or the result.</summary>
    public const int Overhead = 4 + AnswerHead;

    public static void WriteRequest(PooledBuffer into, uint group, ulong request, ReadOnlySpan<byte> command)
    {
        WriteHead(into, RequestHead + command.Length, group, request);
        into.Write(command);
    }

    public static void WriteAnswer(PooledBuffer into, uint group, ulong request, ForwardAnswer answer, ReadOnlySpan<byte> result)
    {
        WriteHead(into, AnswerHead + result.Length, group, request);
        into.Write([(byte)answer]);
        into.Write(result);
    }

    /// <summary>Takes the next item off the front; false when nothing whole is left.</summary>
    public static bool TryReadRequest(ref ReadOnlySpan<byte> frame, out uint group, out ulong request, out ReadOnlySpan<byte> command) =>
        TryReadItem(ref frame, RequestHead, out group, out request, out command);

    /// <summary>Takes the next item off the front; false when nothing whole is left.</summary>
    public static bool TryReadAnswer(ref ReadOnlySpan<byte> frame, out uint group, out ulong request, out ForwardAnswer answer, out ReadOnlySpan<byte> result)
    {
        answer = default;
        if (!TryReadItem(ref frame, AnswerHead, out group, out request, out result))
            return false;
        answer = (ForwardAnswer)result[0];
        result = result[1..];
        return answer <= ForwardAnswer.ResultDropped;
    }

    private static void WriteHead(PooledBuffer into, int length, uint group, ulong request)
    {
        var head = into.GetSpan(4 + RequestHead);
        BinaryPrimitives.WriteInt32LittleEndian(head, length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], group);
        BinaryPrimitives.WriteUInt64LittleEndian(head[8..], request);
        into.Advance(4 + RequestHead);
    }

    private static bool TryReadItem(ref ReadOnlySpan<byte> frame, int leastLength, out uint group, out ulong request, out ReadOnlySpan<byte> body)
    {
        (group, request) = (0, 0);
        body = default;
        if (frame.Length < 4)
            return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(frame);
        if (length < leastLength || length > frame.Length - 4)
            return false;
        group = BinaryPrimitives.ReadUInt32LittleEndian(frame[4..]);
        request = BinaryPrimitives.ReadUInt64LittleEndian(frame[8..]);
        body = frame[(4 + RequestHead)..(4 + (int)length)];
        frame = frame[(4 + (int)length)..];
        return true;
    }
}
