namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>The sources that this program was built from, and where it was built to.</summary>
internal static class Repository
{
    /// <summary>The directory of <c>RaftKv.sln</c>.</summary>
    /// <exception cref="DirectoryNotFoundException">There is none above this program.</exception>
    public static string Root { get; } = FindRoot();

    /// <summary>The configuration of this build, as the build tool spells it.</summary>
    public static string Configuration { get; } = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)) == "debug" ? "Debug" : "Release";

    /// <summary>Where builds of the repository go.</summary>
    public static string Artifacts => Path.Combine(Root, "artifacts");

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "RaftKv.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"no RaftKv.sln above {AppContext.BaseDirectory}: mutants are built from the sources");
    }
}
