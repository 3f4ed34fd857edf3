namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>One record of a history, with the line on which it begins.</summary>
public readonly record struct HistoryLine(string Text, int Number);

/// <summary>
/// Takes a history apart into its records, however they are laid out: one a line, the elements of a JSON array or of an EDN vector, EDN maps that follow each other over as many lines as they like.
/// What EDN passes over is left out: ; to the end of the line, #_ with the value behind it, tags in front of values.
/// </summary>
public static class HistoryText
{
    private const string Space = " \t\r\n,\f\u00a0\ufeff";

    /// <summary>The records of a text.</summary>
    /// <exception cref="InvalidDataException">An array or a record does not end; the sentence names the line on which it begins.</exception>
    public static IReadOnlyList<HistoryLine> Split(string text)
    {
        var edn = new Scanner(text, isEdn: true);
        var start = edn.SkipComments();
        var isVector = start < text.Length && text[start] == '[';
        var map = isVector ? new Scanner(text, isEdn: true, start + 1).SkipComments() : start;
        var hasMap = map < text.Length && text[map] == '{';
        var key = hasMap ? new Scanner(text, isEdn: true, map + 1).SkipComments() : text.Length;
        if (hasMap && key < text.Length && text[key] == ':')
            return isVector ? edn.Elements() : edn.Values();
        return isVector && (hasMap || (map < text.Length && text[map] == ']')) ? new Scanner(text, isEdn: false, start).Elements() : Number(text.Split('\n'));
    }

    /// <summary>Lines that are records; empty ones are none.</summary>
    public static IReadOnlyList<HistoryLine> Number(IEnumerable<string> lines) => [.. lines.Select((text, i) => new HistoryLine(text.Trim('\r', '\ufeff'), i + 1)).Where(l => !string.IsNullOrWhiteSpace(l.Text))];

    /// <summary>Passes over values without looking into them. Nothing in it recurses: a text may nest as deep as it likes.</summary>
    private sealed class Scanner(string text, bool isEdn, int at = 0)
    {
        private int _at = at;
        private int _counted;
        private int _line = 1;

        /// <summary>The values that follow each other.</summary>
        public List<HistoryLine> Values()
        {
            var records = new List<HistoryLine>();
            while (SkipComments() < text.Length)
                records.Add(Record());
            return records;
        }

        /// <summary>The elements of the array that comes next, which must be all there is.</summary>
        public List<HistoryLine> Elements()
        {
            var records = new List<HistoryLine>();
            var line = LineOf(SkipComments());
            _at++;
            while (SkipComments() < text.Length && text[_at] != ']')
                records.Add(Record());
            if (_at >= text.Length)
                throw new InvalidDataException($"line {line}: the array of operations that begins here does not end");
            _at++;
            return SkipComments() >= text.Length ? records : throw new InvalidDataException($"line {LineOf(_at)}: there is something behind the end of the array of operations");
        }

        /// <summary>To the next value, or to what closes the one around it, or to the end.</summary>
        public int SkipComments()
        {
            var discarded = 0;
            while (_at < text.Length)
            {
                var next = text[_at];
                if (Space.Contains(next, StringComparison.Ordinal))
                {
                    _at++;
                }
                else if (isEdn && next == ';')
                {
                    SkipLine();
                }
                else if (isEdn && next == '#' && _at + 1 < text.Length && text[_at + 1] == '_')
                {
                    _at += 2;
                    discarded++;
                }
                else if (isEdn && next == '#')
                {
                    _at++;
                    SkipAtom();
                }
                else if (discarded > 0 && next is not ('}' or ']' or ')'))
                {
                    SkipValue();
                    discarded--;
                }
                else
                {
                    break;
                }
            }

            return _at;
        }

        private HistoryLine Record()
        {
            var (start, line) = (_at, LineOf(_at));
            SkipValue();
            return new HistoryLine(text[start.._at], line);
        }

        private void SkipValue()
        {
            var start = _at;
            var depth = 0;
            do
            {
                if (_at >= text.Length)
                    throw new InvalidDataException($"line {LineOf(start)}: what begins here does not end");
                switch (text[_at])
                {
                    case '"':
                        SkipText();
                        break;
                    case '{' or '[' or '(':
                        depth++;
                        _at++;
                        break;
                    case '}' or ']' or ')':
                        depth--;
                        _at++;
                        break;
                    case ';' when isEdn:
                        SkipLine();
                        break;
                    default:
                        if (depth == 0)
                            SkipAtom();
                        else
                            _at++;
                        break;
                }
            }
            while (depth > 0);
        }

        private void SkipText()
        {
            var start = _at++;
            while (_at < text.Length && text[_at] != '"')
                _at += text[_at] == '\\' ? 2 : 1;
            if (_at >= text.Length)
                throw new InvalidDataException($"line {LineOf(start)}: the string that begins here does not end");
            _at++;
        }

        private void SkipLine() => _at = text.IndexOf('\n', _at) is >= 0 and var end ? end : text.Length;

        private void SkipAtom()
        {
            while (_at < text.Length && !Space.Contains(text[_at], StringComparison.Ordinal) && !"{}[]()\";".Contains(text[_at], StringComparison.Ordinal))
                _at++;
        }

        private int LineOf(int at)
        {
            if (at < _counted)
                (_counted, _line) = (0, 1);
            for (; _counted < at && _counted < text.Length; _counted++)
                _line += text[_counted] == '\n' ? 1 : 0;
            return _line;
        }
    }
}
