using System.Text.RegularExpressions;

namespace RaftKv.Tests.Unit.Architecture;

/// <summary>The repository that these tests were built from, as text.</summary>
internal static partial class SourceTree
{
    /// <summary>A source file: its path from the root of the repository, with forward slashes, and its text.</summary>
    public sealed record SourceFile(string Path, string Text)
    {
        /// <summary>The folder it lies in.</summary>
        public string Folder => Path[..Path.LastIndexOf('/')];

        /// <summary>The text without comments, so that a rule about code does not trip over prose.</summary>
        public string Code => Comment().Replace(Text, "");
    }

    /// <summary>The root of the repository.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>All C# files below a folder, build results left out.</summary>
    public static IReadOnlyList<SourceFile> Files(string folder) =>
    [
        .. Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .Select(p => Path.GetRelativePath(Root, p).Replace('\\', '/'))
            .Where(p => !p.Contains("/obj/", StringComparison.Ordinal) && !p.Contains("/bin/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(p => new SourceFile(p, File.ReadAllText(Path.Combine(Root, p)))),
    ];

    /// <summary>The text of any file of the repository.</summary>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "RaftKv.sln")))
                return folder.FullName;
        }
        throw new DirectoryNotFoundException($"no RaftKv.sln above {AppContext.BaseDirectory}: these tests read the sources they were built from");
    }

    [GeneratedRegex(@"^[ \t]*//.*$|(?<=[;{},)] )//.*$|/\*.*?\*/", RegexOptions.Multiline)]
    private static partial Regex Comment();
}
