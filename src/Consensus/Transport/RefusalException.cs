using System.Buffers.Binary;
using System.Text;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// A handshake ends with a refusal: ours, to be sent to the other side, or its, received as the payload of <see cref="FrameType.Refused"/>:
/// code (1 byte), then the sentence in UTF-8. The message is the sentence.
/// </summary>
internal sealed class RefusalException(RefusalCode code, string sentence, bool byOther = false) : Exception(sentence)
{
    private const int MaxSentenceBytes = 512;

    /// <summary>Why.</summary>
    public RefusalCode Code { get; } = code;

    /// <summary>Who introduced himself as a node that was told other things of the cluster; 0 for nobody.</summary>
    public ulong Sender { get; init; }

    /// <summary>Whether the other side refused this node.</summary>
    public bool ByOther { get; } = byOther;

    /// <summary>Whether trying again cannot help before somebody changes something.</summary>
    public bool ForGood => Code != RefusalCode.Unknown;

    /// <summary>Encodes it.</summary>
    public void Write(PooledBuffer into)
    {
        var sentence = Encoding.UTF8.GetBytes(Message);
        into.GetSpan(1)[0] = (byte)Code;
        into.Advance(1);
        into.Write(sentence.AsSpan(0, Math.Min(sentence.Length, MaxSentenceBytes)));
    }

    /// <summary>Decodes one that the other side sent. Control characters are blanked, as the sentence goes to logs.</summary>
    public static RefusalException Read(ReadOnlySpan<byte> payload)
    {
        if (payload.IsEmpty)
            return new RefusalException(RefusalCode.Malformed, "refused without a reason", byOther: true);
        var sentence = Encoding.UTF8.GetString(payload[1..Math.Min(payload.Length, MaxSentenceBytes + 1)]);
        return new RefusalException((RefusalCode)payload[0], new string([.. sentence.Select(c => char.IsControl(c) ? ' ' : c)]), byOther: true);
    }
}
