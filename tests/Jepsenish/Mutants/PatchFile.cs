using System.Globalization;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>
/// Reads patches: <c>mistake:</c> and <c>suite:</c> with their values on the same line, then one or more blocks of <c>file:</c>, and below <c>search:</c> and <c>replace:</c> the lines themselves.
/// </summary>
internal static class PatchFile
{
    /// <summary>Where they are in the repository.</summary>
    public static string Folder => Path.Combine(Repository.Root, "tests", "Jepsenish", "Mutants", "Patches");

    /// <summary>All patches of a folder, by number.</summary>
    /// <exception cref="InvalidDataException">A file of it is no patch, or two have one number.</exception>
    public static IReadOnlyList<Patch> ReadAll(string folder)
    {
        if (!Directory.Exists(folder))
            return [];
        List<Patch> patches = [.. Directory.EnumerateFiles(folder).Select(path => Parse(Path.GetFileName(path), File.ReadAllText(path))).OrderBy(p => p.Number).ThenBy(p => p.Name, StringComparer.Ordinal)];
        foreach (var (first, second) in patches.Zip(patches.Skip(1)))
        {
            if (first.Number == second.Number)
                throw new InvalidDataException($"{first.Name} and {second.Name} have the same number");
        }

        return patches;
    }

    /// <summary>Reads one.</summary>
    /// <param name="name">Of the file: NN-short-name.patch.txt.</param>
    /// <param name="text">Of the file.</param>
    /// <exception cref="InvalidDataException">It is not of that form.</exception>
    public static Patch Parse(string name, string text)
    {
        var dash = name.IndexOf('-', StringComparison.Ordinal);
        if (!name.EndsWith(Patch.Extension, StringComparison.Ordinal) || dash < 1 || !int.TryParse(name.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            throw new InvalidDataException($"{name}: a patch is called NUMBER-short-name{Patch.Extension}");
        try
        {
            return new Lines(text.ReplaceLineEndings("\n").Split('\n')).ReadPatch(number, name);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{name}: {e.Message}", e);
        }
    }

    private sealed class Lines(string[] lines)
    {
        private int _at;

        public Patch ReadPatch(int number, string name)
        {
            var mistake = Value("mistake:");
            var suite = PatchSuite.Parse(Value("suite:"));
            var replacements = new List<Replacement>();
            while (SkipEmpty() || replacements.Count == 0)
            {
                var file = Value("file:");
                if (!file.StartsWith("src/", StringComparison.Ordinal) || !file.EndsWith(".cs", StringComparison.Ordinal))
                    throw new InvalidDataException($"file: {file}: allowed is a C# file below src/");
                var (search, replace) = (Block("search:"), Block("replace:"));
                if (search.Length == 0)
                    throw new InvalidDataException("search: there is no text below it");
                if (search == replace)
                    throw new InvalidDataException($"replace: it is the same text as the one searched for, so nothing is wrong with {file}");
                replacements.Add(new Replacement(file, search, replace));
            }

            return new Patch(number, name, mistake, suite, replacements);
        }

        /// <summary>False at the end.</summary>
        private bool SkipEmpty()
        {
            while (_at < lines.Length && string.IsNullOrWhiteSpace(lines[_at]))
                _at++;
            return _at < lines.Length;
        }

        private string Value(string key)
        {
            if (!SkipEmpty() || !lines[_at].StartsWith(key, StringComparison.Ordinal))
                throw new InvalidDataException($"line {_at + 1}: here a line begins with {key}");
            var value = lines[_at++][key.Length..].Trim();
            return value.Length > 0 ? value : throw new InvalidDataException($"line {_at}: {key} says nothing");
        }

        // Empty lines around a block are for the eye.
        private string Block(string key)
        {
            if (!SkipEmpty() || lines[_at].TrimEnd() != key)
                throw new InvalidDataException($"line {_at + 1}: here stands {key}, with the text below it");
            var start = ++_at;
            while (_at < lines.Length && !lines[_at].StartsWith("file:", StringComparison.Ordinal) && lines[_at].TrimEnd() is not ("search:" or "replace:"))
                _at++;
            return string.Join('\n', lines[start.._at]).Trim('\n');
        }
    }
}
