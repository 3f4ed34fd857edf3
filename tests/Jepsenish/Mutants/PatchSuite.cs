namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>What has to notice a mistake: one of some suites of seeds, or the tests of one project that a filter names.</summary>
/// <param name="Name"><c>sim</c>, <c>core</c>, <c>store</c>, or several of them with a space between; or <c>unit</c>.</param>
/// <param name="Project">Of <c>unit</c>: the folder below <c>tests</c>.</param>
/// <param name="Filter">Of <c>unit</c>: as <c>dotnet test --filter</c> takes it.</param>
internal sealed record PatchSuite(string Name, string Project = "", string Filter = "")
{
    /// <summary>The name of those that are tests, not seeds.</summary>
    public const string Tests = "unit";

    private static readonly string[] SeedSuites = ["sim", "core", "store"], Projects = ["Unit", "Properties", "Jepsenish"];

    /// <summary>Whether these are tests, not seeds.</summary>
    public bool IsTests => Name == Tests;

    /// <summary>Whether a suite is, or is one of, those.</summary>
    public bool Includes(string suite) => Name.Split(' ').Contains(suite);

    /// <summary>Reads <c>sim</c>, <c>core</c>, <c>store</c>, several of them, or <c>unit [Unit|Properties|Jepsenish] FILTER</c>.</summary>
    /// <exception cref="InvalidDataException">It is none of them.</exception>
    public static PatchSuite Parse(string text)
    {
        if (text.Split(' ').All(SeedSuites.Contains))
            return new PatchSuite(text);
        var words = text.Split(' ', 2, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (words is not [Tests, var rest])
            throw new InvalidDataException($"suite: {text}: allowed are {string.Join(", ", SeedSuites)}, several of them, and {Tests} [{string.Join("|", Projects)}] FILTER");
        var parts = rest.Split(' ', 2, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (!Projects.Contains(parts[0]))
            return new PatchSuite(Tests, "Unit", rest);
        return parts is [var project, var filter] ? new PatchSuite(Tests, project, filter) : throw new InvalidDataException($"suite: {text}: the filter is missing, for example FullyQualifiedName~Some_test");
    }
}
