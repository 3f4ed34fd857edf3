namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>
/// A mistake as a text file: what it is, the suite that has to notice it, and the lines that it puts in the place of others. The sources themselves know nothing of it.
/// Invariant: a replacement changes something; whether its text stands in the source exactly once is for <see cref="Apply"/> to say.
/// </summary>
/// <param name="Number">Of the mutant; the file's name begins with it.</param>
/// <param name="Name">Of its file.</param>
/// <param name="Mistake">In one sentence.</param>
/// <param name="Suite">What has to notice it.</param>
/// <param name="Replacements">What it changes, in this order.</param>
internal sealed record Patch(int Number, string Name, string Mistake, PatchSuite Suite, IReadOnlyList<Replacement> Replacements)
{
    /// <summary>How the names of such files end.</summary>
    public const string Extension = ".patch.txt";

    /// <summary>The files that it changes, from the root of the repository.</summary>
    public IEnumerable<string> Files => Replacements.Select(r => r.File).Distinct();

    /// <summary>A source with the mistake in it.</summary>
    /// <exception cref="InvalidDataException">A text to be replaced is not in the file exactly once.</exception>
    public string Apply(string file, string source)
    {
        var text = source.ReplaceLineEndings("\n");
        foreach (var replacement in Replacements.Where(r => r.File == file))
        {
            var at = text.IndexOf(replacement.Search, StringComparison.Ordinal);
            if (at < 0)
                throw new InvalidDataException($"{Name}: {file} does not hold the text to be replaced:\n{replacement.Search}");
            if (text.IndexOf(replacement.Search, at + 1, StringComparison.Ordinal) >= 0)
                throw new InvalidDataException($"{Name}: {file} holds the text to be replaced more than once; search for more lines:\n{replacement.Search}");
            text = string.Concat(text.AsSpan(0, at), replacement.Replace, text.AsSpan(at + replacement.Search.Length));
        }

        return text;
    }
}

/// <summary>One place that a patch changes.</summary>
/// <param name="File">From the root of the repository.</param>
/// <param name="Search">What stands there: whole lines or a part of them, lines ended by \n.</param>
/// <param name="Replace">What stands there instead; empty for lines that are missing.</param>
internal sealed record Replacement(string File, string Search, string Replace);
