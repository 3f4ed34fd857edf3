using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace RaftKv.Server.Cli;

/// <summary>
/// The loopback ports on which the three nodes of <c>raftkv dev</c> meet: chosen free once, then kept in the file <c>ports</c> of the data directory,
/// because a cluster is the list of its addresses.
/// </summary>
internal static class DevPorts
{
    /// <exception cref="CommandLineException">The file is not of this command's making, or cannot be read or written.</exception>
    public static IReadOnlyList<int> Remembered(string directory)
    {
        var path = Path.Combine(directory, "ports");
        try
        {
            if (File.Exists(path))
                return Parse(path, File.ReadAllText(path));
            Directory.CreateDirectory(directory);
            var ports = ChooseFree(3);
            File.WriteAllText(path, string.Join(' ', ports) + "\n");
            return ports;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandLineException(ExitCode.CannotStart, $"{path}: {e.Message}", e);
        }
    }

    private static List<int> Parse(string path, string text)
    {
        var ports = new List<int>();
        foreach (var word in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (!int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535)
                throw new CommandLineException(ExitCode.CannotStart, $"{path}: '{word}' is no port");
            ports.Add(port);
        }
        return ports.Count == 3 ? ports : throw new CommandLineException(ExitCode.CannotStart, $"{path}: there must be three ports");
    }

    private static List<int> ChooseFree(int count)
    {
        // All are held before any is let go: otherwise the same one could be given twice.
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        try
        {
            listeners.ForEach(l => l.Start());
            return [.. listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port)];
        }
        finally
        {
            listeners.ForEach(l => l.Dispose());
        }
    }
}
