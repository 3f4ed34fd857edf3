using System.Globalization;
using RaftKv.Tests.Jepsenish.Mutants;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>
/// Seeds that failed once, each with the reason: a line <c>SEED reason</c>; # begins a comment. They run with every test run, beside the fixed range.
/// A seed is about its accident only as long as nothing that it draws changes; what must stay seen has a script of its own.
/// </summary>
internal static class SeedList
{
    /// <summary>Where it is in the repository.</summary>
    public static string File => Path.Combine(Repository.Root, "tests", "Jepsenish", "Simulation", "Seeds.txt");

    /// <summary>Reads such a file.</summary>
    /// <exception cref="InvalidDataException">A line is no seed with a reason, or comes twice.</exception>
    public static IReadOnlyList<(ulong Seed, string Reason)> Read(string file)
    {
        var seeds = new List<(ulong Seed, string Reason)>();
        foreach (var line in System.IO.File.ReadLines(file).Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#'))
        {
            if (line.Split(' ', 2, StringSplitOptions.TrimEntries) is not [var number, { Length: > 0 } reason] || !ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var seed))
                throw new InvalidDataException($"{file}: \"{line}\" is not a seed and the reason why it is kept");
            if (seeds.Any(s => s.Seed == seed))
                throw new InvalidDataException($"{file}: seed {seed} stands there twice");
            seeds.Add((seed, reason));
        }

        return seeds;
    }
}
