using System.Globalization;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>
/// Reads values of EDN, as much of it as histories use: nil, booleans, whole numbers, strings, keywords (as text with their colon), symbols (as text), vectors, lists and sets (as <see cref="List{T}"/>), maps.
/// Passed over are comments, values behind #_, and tags.
/// </summary>
internal sealed class Edn
{
    private const int Deepest = 64;

    private readonly string _text;
    private int _at;
    private int _discards;

    private Edn(string text) => _text = text;

    /// <summary>Reads the one value of a text.</summary>
    /// <exception cref="FormatException">It is not one value; the sentence says where.</exception>
    public static object? Parse(string text)
    {
        var reader = new Edn(text);
        var value = reader.Value(0);
        return reader.Peek() == '\0' ? value : throw reader.Wrong("one value");
    }

    private object? Value(int depth)
    {
        if (depth > Deepest)
            throw Wrong("a value less deep");
        switch (Peek())
        {
            case '{' when _at > 0 && _text[_at - 1] == '#':
                return Items('}', depth);
            case '{':
                return Map(depth);
            case '[':
                return Items(']', depth);
            case '(':
                return Items(')', depth);
            case '"':
                return Text();
            case '\0' or '}' or ']' or ')':
                throw Wrong("a value");
            default:
                return Atom();
        }
    }

    private Dictionary<string, object?> Map(int depth)
    {
        var items = Items('}', depth);
        if (items.Count % 2 != 0)
            throw Wrong("a value for every key of a map");
        var map = new Dictionary<string, object?>();
        for (var i = 0; i < items.Count; i += 2)
            map[Convert.ToString(items[i], CultureInfo.InvariantCulture) ?? "nil"] = items[i + 1];
        return map;
    }

    private List<object?> Items(char end, int depth)
    {
        var items = new List<object?>();
        _at++;
        while (Peek() != end)
            items.Add(Value(depth + 1));
        _at++;
        return items;
    }

    private string Text()
    {
        var start = ++_at;
        while (_at < _text.Length && _text[_at] != '"')
            _at += _text[_at] == '\\' ? 2 : 1;
        if (_at >= _text.Length)
            throw Wrong("the end of a string");
        return _text[start.._at++].Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal);
    }

    private object? Atom()
    {
        var start = _at;
        while (_at < _text.Length && !char.IsWhiteSpace(_text[_at]) && !",{}[]()\"".Contains(_text[_at], StringComparison.Ordinal))
            _at++;
        var atom = _text[start.._at];
        return atom switch
        {
            "nil" => null,
            "true" => true,
            "false" => false,
            _ => long.TryParse(atom, CultureInfo.InvariantCulture, out var number) ? number : atom,
        };
    }

    private char Peek()
    {
        while (_at < _text.Length)
        {
            var next = _at + 1 < _text.Length ? _text[_at + 1] : '\0';
            if (char.IsWhiteSpace(_text[_at]) || _text[_at] == ',')
                _at++;
            else if (_text[_at] == ';')
                _at = _text.IndexOf('\n', _at) is >= 0 and var end ? end : _text.Length;
            else if (_text[_at] == '#' && next == '_')
                Discard();
            else if (_text[_at] == '#')
                SkipTag();
            else
                return _text[_at];
        }

        return '\0';
    }

    private void Discard()
    {
        _at += 2;
        if (++_discards > Deepest)
            throw Wrong("a value less deep");
        Value(_discards);
        _discards--;
    }

    // The brace of a set follows at once, and reads like a list's.
    private void SkipTag()
    {
        _at++;
        if (_at < _text.Length && _text[_at] == '{')
            return;
        Atom();
    }

    private FormatException Wrong(string expected) => new($"{expected} is expected at column {_at + 1}");
}
