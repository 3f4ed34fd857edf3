using System.Net;
using System.Net.Sockets;

namespace RaftKv.Server.Cli;

/// <summary>
/// The loopback ports on which the three nodes of <c>raftkv dev</c> meet: the first free ones from 7101, which no system gives to clients by itself. They need not be the same at each start,
/// since addresses may change, so another program that has taken one is no obstacle.
/// </summary>
internal static class DevPorts
{
    /// <summary>The first port that is looked at.</summary>
    public const int First = 7101;

    /// <summary>The last.</summary>
    public const int Last = 7199;

    /// <exception cref="CommandLineException">There are not so many.</exception>
    public static IReadOnlyList<int> Choose(int count)
    {
        var free = Enumerable.Range(First, Last - First + 1).Where(IsFree).Take(count).ToList();
        return free.Count == count
            ? free
            : throw new CommandLineException(ExitCode.CannotStart, $"the nodes of this cluster need {count} free ports between {First} and {Last} on 127.0.0.1, and there are {free.Count}");
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var probe = new TcpListener(IPAddress.Loopback, port);
            probe.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
