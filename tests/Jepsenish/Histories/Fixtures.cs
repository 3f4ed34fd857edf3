namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>Histories of other projects with known verdicts. They lie in a folder beside the repository and are not part of it.</summary>
internal static class Fixtures
{
    /// <summary>The folder <c>shared/fixtures/NAME</c> beside the repository, or null if there is none.</summary>
    public static string? Find(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", "fixtures", name);
            if (Directory.Exists(candidate))
                return candidate;
        }
        return null;
    }
}
