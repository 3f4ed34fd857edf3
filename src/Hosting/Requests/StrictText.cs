using System.Text;

namespace RaftKv.Hosting.Requests;

/// <summary>Text to bytes and back. Strings that are not valid UTF-16 are refused: replaced by U+FFFD, as .NET does by default, different ones would name the same key.</summary>
internal static class StrictText
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Whether a text is valid UTF-16: has no half of a surrogate pair.</summary>
    public static bool IsValid(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(text, out _, out var consumed) != System.Buffers.OperationStatus.Done)
                return false;
            text = text[consumed..];
        }

        return true;
    }

    /// <summary>The UTF-8 bytes of a text.</summary>
    /// <exception cref="ArgumentNullException">There is none.</exception>
    /// <exception cref="ArgumentException">It holds half of a surrogate pair: the sentence says where.</exception>
    public static byte[] Encode(string text, string name)
    {
        ArgumentNullException.ThrowIfNull(text, name);
        try
        {
            return Strict.GetBytes(text);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException($"The {name} is not valid UTF-16: the character at position {e.Index} (U+{(int)e.CharUnknown:X4}) is half of a surrogate pair.", name, e);
        }
    }
}
