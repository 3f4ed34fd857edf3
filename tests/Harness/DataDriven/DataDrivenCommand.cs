namespace RaftKv.Tests.Harness.DataDriven;

/// <summary>One command of a script: its name, arguments (<c>key=value</c>, <c>key=(a,b)</c> or plain words) and input lines.</summary>
public sealed record DataDrivenCommand(string Name, IReadOnlyList<string> Words, IReadOnlyDictionary<string, IReadOnlyList<string>> Arguments, IReadOnlyList<string> Input, int Line)
{
    /// <summary>The values of an argument; empty if it is absent.</summary>
    public IReadOnlyList<string> this[string key] => Arguments.GetValueOrDefault(key, []);

    /// <summary>The only value of an argument.</summary>
    public string? One(string key) => this[key] is [var value] ? value : null;

    internal static DataDrivenCommand Parse(List<string> lines, int line)
    {
        var words = new List<string>();
        var arguments = new Dictionary<string, IReadOnlyList<string>>();
        var tokens = Tokens(lines[0]);
        foreach (var token in tokens.Skip(1))
        {
            var equals = token.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
                words.Add(token);
            else
                arguments[token[..equals]] = token[(equals + 1)..].Trim('(', ')').Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        }

        return new DataDrivenCommand(tokens[0], words, arguments, lines[1..], line);
    }

    // Splits at spaces, but not inside parentheses.
    private static List<string> Tokens(string line)
    {
        var tokens = new List<string>();
        var depth = 0;
        var start = 0;
        for (var i = 0; i <= line.Length; i++)
        {
            if (i < line.Length && (line[i] != ' ' || depth > 0))
            {
                depth += line[i] == '(' ? 1 : line[i] == ')' ? -1 : 0;
                continue;
            }

            if (i > start)
                tokens.Add(line[start..i]);
            start = i + 1;
        }

        return tokens;
    }
}
