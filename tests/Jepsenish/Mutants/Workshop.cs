namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>
/// A directory in which mutants are built and run, apart from the repository's own build. Only the project that holds the wrong line is compiled again, against the build it starts from,
/// and its assembly laid over a copy of the tests' program: a few seconds a mutant.
/// Invariant: one mutant at a time; what a run uses is the program as it is but for the mutant's assemblies.
/// </summary>
internal sealed class Workshop
{
    private const string Program = "RaftKv.Tests.Jepsenish";

    private static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(10);

    private readonly string _artifacts;
    private readonly string _run;
    private readonly string _template;

    private Workshop(string directory, string template)
    {
        _artifacts = Path.Combine(directory, "artifacts");
        _run = Path.Combine(directory, "run");
        _template = template;
    }

    private static string Folder => Repository.Configuration == "Debug" ? "debug" : "release";

    /// <summary>Builds the program as it is into a directory, from what the repository's own build left: all mutants start from it.</summary>
    /// <returns>Where the program is.</returns>
    /// <exception cref="InvalidOperationException">It cannot be built.</exception>
    public static async Task<string> BuildUnchangedAsync(string directory, CancellationToken cancellation)
    {
        var artifacts = Path.Combine(directory, "artifacts");
        CopyDirectory(Repository.Artifacts, artifacts);
        var built = await BuildAsync(Path.Combine("tests", "Jepsenish"), artifacts, ["--no-restore"], cancellation);
        if (built.ExitCode != 0)
            throw new InvalidOperationException($"the program as it is cannot be built:\n{built.Tail}");
        return Path.Combine(artifacts, "bin", Program, Folder);
    }

    /// <summary>Makes a workshop that starts from a build of the program as it is.</summary>
    public static Workshop Create(string directory, string unchanged)
    {
        var workshop = new Workshop(directory, unchanged);
        CopyDirectory(Path.GetFullPath(Path.Combine(unchanged, "..", "..", "..")), workshop._artifacts);
        return workshop;
    }

    /// <summary>Builds a mutant; returns the program with it.</summary>
    /// <exception cref="InvalidOperationException">It cannot be built.</exception>
    public async Task<string> BuildAsync(Mutant mutant, CancellationToken cancellation)
    {
        if (Directory.Exists(_run))
            Directory.Delete(_run, recursive: true);
        CopyDirectory(_template, _run);
        foreach (var project in mutant.Projects)
        {
            var built = await BuildAsync(
                Path.Combine("src", project),
                _artifacts,
                ["--no-restore", $"-p:RaftKvMutant={mutant.Symbol}", "-p:BuildProjectReferences=false", "-p:RunAnalyzers=false"],
                cancellation);
            if (built.ExitCode != 0)
                throw new InvalidOperationException($"{mutant.Symbol} cannot be built:\n{built.Tail}");
            var assembly = $"RaftKv.{project}.dll";
            File.Copy(Path.Combine(_artifacts, "bin", $"RaftKv.{project}", Folder, assembly), Path.Combine(_run, assembly), overwrite: true);
        }

        return ProgramIn(_run);
    }

    /// <summary>The program's file in a directory.</summary>
    public static string ProgramIn(string directory) => Path.Combine(directory, Program + ".dll");

    private static Task<ChildProcess.Result> BuildAsync(string project, string artifacts, string[] options, CancellationToken cancellation) =>
        ChildProcess.RunDotnetAsync(
            Repository.Root,
            ["build", project, "-c", Repository.Configuration, "-m:1", "-nologo", "-clp:ErrorsOnly", $"-p:ArtifactsPath={artifacts}", .. options],
            BuildLimit,
            cancellation);

    // Times are kept, so that what is up to date stays so.
    private static void CopyDirectory(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var directory in Directory.EnumerateDirectories(from, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, directory)));
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)), overwrite: true);
    }
}
