using System.Security.Cryptography;

namespace RaftKv.Server.Cli;

/// <summary>
/// The name of the cluster that <c>raftkv dev</c> keeps in a directory: random, in the file <c>cluster</c>. All such clusters have the same node names and much the same ports, and must never mix.
/// </summary>
internal static class DevName
{
    private const string FileName = "cluster";

    /// <exception cref="CommandLineException">The file is not of this command's making, or cannot be read or written.</exception>
    public static string Remembered(string directory)
    {
        var path = Path.Combine(directory, FileName);
        try
        {
            if (File.Exists(path))
                return Checked(path, File.ReadAllText(path).Trim());
            Directory.CreateDirectory(directory);
            var name = $"dev-{RandomNumberGenerator.GetHexString(12, lowercase: true)}";
            // Moved into place: a name that was half written would stay with the cluster.
            File.WriteAllText(path + ".tmp", name + "\n");
            File.Move(path + ".tmp", path, overwrite: true);
            return name;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandLineException(ExitCode.CannotStart, $"{path}: {e.Message}", e);
        }
    }

    private static string Checked(string path, string name) =>
        name.Length is >= 1 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')
            ? name
            : throw new CommandLineException(ExitCode.CannotStart, $"{path} does not hold the name of a cluster that 'raftkv dev' keeps: give another --data, or remove {DirectoryOf(path)}");

    private static string DirectoryOf(string path) => Path.GetDirectoryName(path) is { Length: > 0 } directory ? directory : ".";
}
