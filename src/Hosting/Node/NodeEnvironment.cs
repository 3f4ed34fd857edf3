using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store;
using RaftKv.Engine.Wal;

namespace RaftKv.Hosting.Node;

/// <summary>Everything that a node touches of the world outside its memory. There are two: the real one (<see cref="NodeStarter"/>), and a simulation's.</summary>
internal sealed record NodeEnvironment
{
    /// <summary>The disk.</summary>
    public required IFileSystem Files { get; init; }

    /// <summary>Locks between processes on that disk.</summary>
    public required IFileLocks Locks { get; init; }

    /// <summary>The time.</summary>
    public required IClock Clock { get; init; }

    /// <summary>A number nobody can foresee, never 0.</summary>
    public required Func<ulong> RandomNumber { get; init; }

    /// <summary>Opens the store of a directory.</summary>
    public required Func<string, IStateStore> OpenStore { get; init; }

    /// <summary>Makes the transport of a node; it calls the handler only once it is started.</summary>
    public required Func<OwnIdentity, IPeerRegistry, ITransportHandler, ITransport> Bind { get; init; }

    /// <summary>Makes what lets so many shards run.</summary>
    public required Func<int, INodeDriver> MakeDriver { get; init; }

    /// <summary>Changes what the options do not name.</summary>
    public Func<NodeConfiguration, NodeConfiguration> Adjust { get; init; } = configuration => configuration;

    /// <summary>The same for the log.</summary>
    public Func<WalOptions, WalOptions> AdjustLog { get; init; } = options => options;
}
