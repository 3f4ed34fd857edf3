using System.Collections.Frozen;
using System.Text;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Execution;

/// <summary>Finds commands by name, in any case. Immutable.</summary>
internal sealed class CommandIndex(IEnumerable<RespCommand> commands)
{
    private const int LongestName = 16, LongestQuote = 128;

    private readonly FrozenDictionary<UInt128, RespCommand> _byName = commands.ToFrozenDictionary(c => Pack(Encoding.ASCII.GetBytes(c.Name)));

    /// <summary>The command of a name, or null.</summary>
    public RespCommand? Find(ReadOnlySpan<byte> name) => name.Length <= LongestName && _byName.TryGetValue(Pack(name), out var command) ? command : null;

    /// <summary>Redis' words for a command that does not exist.</summary>
    public static string UnknownCommand(RespArguments arguments)
    {
        var text = new StringBuilder();
        for (var i = 1; i < arguments.Count && text.Length < LongestQuote; i++)
        {
            var room = LongestQuote - text.Length;
            text.Append('\'').Append(Cut(arguments[i], room)).Append("' ");
        }
        return $"ERR unknown command '{Cut(arguments[0], LongestQuote)}', with args beginning with: {text}";
    }

    /// <summary>Redis' words for a subcommand that does not exist.</summary>
    public static string UnknownSubcommand(RespArguments arguments) =>
        $"ERR unknown subcommand '{Cut(arguments[1], LongestQuote)}'. Try {Encoding.ASCII.GetString(arguments[0]).ToUpperInvariant()} HELP.";

    private static string Cut(ReadOnlySpan<byte> text, int length) => Encoding.Latin1.GetString(text[..Math.Min(text.Length, length)]);

    /// <summary>Up to 16 bytes as a number, ASCII letters in lower case.</summary>
    private static UInt128 Pack(ReadOnlySpan<byte> name)
    {
        ulong low = 0, high = 0;
        for (var i = 0; i < name.Length; i++)
        {
            ulong c = name[i];
            if (c - 'A' <= 'Z' - 'A')
                c |= 0x20;
            if (i < 8)
                low |= c << (8 * i);
            else
                high |= c << (8 * (i - 8));
        }
        return new UInt128(high, low);
    }
}
