using System.Xml.Linq;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>
/// A directory in which mutants are built and run, apart from the repository's own build. Only the project that holds the wrong line is compiled again, against the build it starts from,
/// and its assembly laid over a copy of the tests' program: a few seconds a mutant.
/// Invariant: one mutant at a time; what a run uses is the program as it is but for the mutant's assemblies; the repository's sources and its own build are only read.
/// </summary>
internal sealed class Workshop
{
    private static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(10);

    private readonly string _artifacts;
    private readonly string _run;
    private readonly string _patched;
    private readonly Build _template;

    private Workshop(string directory, Build template)
    {
        _artifacts = Path.Combine(directory, "artifacts");
        _run = Path.Combine(directory, "run");
        _patched = Path.Combine(directory, "patched");
        _template = template;
    }

    /// <summary>A built program: the test projects and the host, each in a folder of its own, as the build leaves them.</summary>
    /// <param name="Directory">The folder of those folders.</param>
    internal sealed record Build(string Directory)
    {
        /// <summary>The assembly of a test project, by its folder below <c>tests</c>.</summary>
        public string Assembly(string project) => Path.Combine(FolderOf($"RaftKv.Tests.{project}"), $"RaftKv.Tests.{project}.dll");

        /// <summary>Where a project's program is.</summary>
        public string FolderOf(string project) => Path.Combine(Directory, project, Configuration);
    }

    /// <summary>Where workshops are.</summary>
    public static string Folder => Path.Combine(Repository.Artifacts, "mutants");

    private static string Configuration => Repository.Configuration == "Debug" ? "debug" : "release";

    /// <summary>Builds the program as it is into a directory, from what the repository's own build left: all mutants start from it.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="testProjects">The test projects that are needed beside this one, by folder below <c>tests</c>.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="InvalidOperationException">It cannot be built.</exception>
    public static async Task<Build> BuildUnchangedAsync(string directory, IReadOnlyList<string> testProjects, CancellationToken cancellation)
    {
        var artifacts = Path.Combine(directory, "artifacts");
        foreach (var folder in new[] { "bin", "obj" })
        {
            foreach (var project in Directory.EnumerateDirectories(Path.Combine(Repository.Artifacts, folder)).Where(IsNeeded))
                CopyDirectory(project, Path.Combine(artifacts, folder, Path.GetFileName(project)));
        }

        foreach (var project in testProjects.Prepend("Jepsenish").Distinct())
        {
            var built = await BuildAsync(Path.Combine("tests", project), artifacts, ["--no-restore"], cancellation);
            if (built.ExitCode != 0)
                throw new InvalidOperationException($"the program as it is cannot be built:\n{built.Tail}");
        }

        return new Build(Path.Combine(artifacts, "bin"));
    }

    /// <summary>Makes a workshop that starts from a build of the program as it is.</summary>
    public static Workshop Create(string directory, Build unchanged)
    {
        var workshop = new Workshop(directory, unchanged);
        CopyDirectory(Path.GetDirectoryName(unchanged.Directory)!, workshop._artifacts);
        return workshop;
    }

    /// <summary>Builds a mutant; returns the program with it.</summary>
    /// <exception cref="InvalidOperationException">It cannot be built.</exception>
    /// <exception cref="InvalidDataException">Its patch does not fit the sources.</exception>
    public async Task<Build> BuildAsync(Mutant mutant, Patch patch, CancellationToken cancellation)
    {
        var build = new Build(_run);
        if (Directory.Exists(_run))
            Directory.Delete(_run, recursive: true);
        List<string> programs = ["RaftKv.Server", $"RaftKv.Tests.{(patch.Suite.IsTests ? patch.Suite.Project : "Jepsenish")}"];
        foreach (var program in programs)
            CopyDirectory(_template.FolderOf(program), build.FolderOf(program));
        string[] options = ["-p:TreatWarningsAsErrors=false", $"-p:CustomAfterMicrosoftCommonTargets={WritePatched(patch)}"];
        foreach (var project in mutant.Projects)
        {
            var built = await BuildAsync(Path.Combine("src", project), _artifacts, ["--no-restore", .. options, "-p:BuildProjectReferences=false", "-p:RunAnalyzers=false"], cancellation);
            if (built.ExitCode != 0)
                throw new InvalidOperationException($"mutant {mutant.Number} cannot be built:\n{built.Tail}");
            var assembly = project == "Server" ? "raftkv.dll" : $"RaftKv.{project}.dll";
            foreach (var program in programs)
                File.Copy(Path.Combine(_artifacts, "bin", $"RaftKv.{project}", Configuration, assembly), Path.Combine(build.FolderOf(program), assembly), overwrite: true);
        }

        return build;
    }

    /// <summary>Writes the sources that a patch changes into the workshop, and what tells the build to take them instead of the repository's. Returns the latter.</summary>
    private string WritePatched(Patch patch)
    {
        if (Directory.Exists(_patched))
            Directory.Delete(_patched, recursive: true);
        var targets = new XElement("Project");
        foreach (var file in patch.Files)
        {
            var (original, changed) = (Path.Combine(Repository.Root, file), Path.Combine(_patched, file));
            if (!File.Exists(original))
                throw new InvalidDataException($"{patch.Name}: there is no file {file}");
            Directory.CreateDirectory(Path.GetDirectoryName(changed)!);
            File.WriteAllText(changed, patch.Apply(file, File.ReadAllText(original)));
            targets.Add(new XElement(
                "ItemGroup",
                new XAttribute("Condition", $"'$(MSBuildProjectName)' == 'RaftKv.{file.Split('/')[1]}'"),
                new XElement("Compile", new XAttribute("Remove", original)),
                new XElement("Compile", new XAttribute("Include", changed))));
        }

        var path = Path.Combine(_patched, "patch.targets");
        File.WriteAllText(path, targets.ToString());
        return path;
    }

    private static Task<ChildProcess.Result> BuildAsync(string project, string artifacts, string[] options, CancellationToken cancellation) =>
        ChildProcess.RunDotnetAsync(
            Repository.Root,
            ["build", project, "-c", Repository.Configuration, "-m:1", "-nologo", "-clp:ErrorsOnly", $"-p:ArtifactsPath={artifacts}", .. options],
            BuildLimit,
            cancellation);

    // The benchmark brings half of all bytes, and is no test.
    private static bool IsNeeded(string project) => Path.GetFileName(project) != "RaftKv.Bench";

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
