using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Faster;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Log;

namespace RaftKv.Hosting.Node;

/// <summary>Opens the parts of a node in the order in which they depend on each other, and closes them again, in reverse, when one of them refuses.</summary>
internal static class NodeStarter
{
    /// <summary>Opens a node in the real world and lets it run.</summary>
    public static async Task<OpenNode> StartAsync(RaftKvOptions options, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var self = options.Members.Single(m => m.Name == options.NodeName);
        var listen = await ResolveAsync(self, options.ListenAddress ?? self.Address, cancellationToken);
        var clock = MonotonicClock.Instance;
        TcpTransport? transport = null;
        var files = new PhysicalFileSystem();
        var environment = new NodeEnvironment
        {
            Files = files,
            Locks = FileLocks.Instance,
            Clock = clock,
            RandomNumber = RandomNumber,
            OpenStore = path => FasterStateStore.Open(files, path, new FasterStoreOptions { MemoryBytes = PowerOfTwo(options.StoreMemoryBytes) }),
            Bind = (own, registry, handler) => transport = Bind(own, listen, self, options, registry, handler, loggers),
            MakeDriver = shards => new ThreadedDriver(clock, shards),
        };
        var node = Open(options, environment, loggers);
        foreach (var member in node.Members)
        {
            if (member.Name != self.Name && HostPort.TryParse(member.Address, AddressUse.Advertise, out var address, out _))
                transport!.SetPeer(new PeerAddress(member.Number, address.Host, address.Port));
        }

        node.Runtime.Start();
        transport!.Start();
        return node;
    }

    /// <summary>Opens and recovers all parts of a node; whoever calls lets it run.</summary>
    public static OpenNode Open(RaftKvOptions options, NodeEnvironment environment, ILoggerFactory loggers)
    {
        var members = Number(options.Members);
        var self = members.Single(m => m.Name == options.NodeName);
        var opened = new Stack<IDisposable>();
        try
        {
            var files = environment.Files;
            var directory = DataDirectory.Open(files, environment.Locks, options.DataDirectory, new DataDirectoryRequest
            {
                Name = self.Name,
                Number = self.Number,
                Members = string.Join(',', members.Select(m => m.Name)),
                Cluster = ClusterId(options.ClusterName, members),
                ClusterName = options.ClusterName,
                Groups = options.Groups == 0 ? null : options.Groups,
                Stores = options.Shards == 0 ? Math.Max(1, Environment.ProcessorCount / 2) : options.Shards,
                FreshIncarnation = environment.RandomNumber(),
            });
            opened.Push(directory);
            var log = WriteAheadLog.Open(files, directory.WalPath, LogOptions(options, environment, directory), WalIdentityOf(directory.Identity));
            opened.Push(log);
            var stores = new List<IStateStore>();
            for (var i = 0; i < directory.Stores; i++)
            {
                stores.Add(environment.OpenStore(directory.StorePath(i)));
                opened.Push(stores[i]);
            }

            var writer = new WalWriter(log);
            opened.Push(writer);
            var registry = PeerRegistry.Open(files, directory.PeersPath);
            var own = new OwnIdentity(directory.Identity, (members.Count / 2) + 1, directory.MakeFinal);
            ITransport? transport = null;
            var runtime = new NodeRuntime(
                environment.Adjust(Configuration(options, members, self, directory, environment.RandomNumber())),
                environment.Clock,
                log,
                writer,
                stores,
                handler => transport = environment.Bind(own, registry, handler),
                environment.MakeDriver(directory.Stores),
                loggers);
            // Everything that could refuse has not: the port is bound, the log and the stores are there.
            own.AgreeAlone();
            return new OpenNode(members, runtime, directory, transport!);
        }
        catch
        {
            while (opened.TryPop(out var part))
                part.Dispose();
            throw;
        }
    }

    /// <summary>Numbers follow the order of names, so that every node that was given the same list agrees on them.</summary>
    private static List<Member> Number(IEnumerable<RaftKvMember> members) =>
        [.. members.OrderBy(m => m.Name, StringComparer.Ordinal).Select((m, i) => new Member((ulong)i + 1, m.Name, m.Address))];

    /// <summary>
    /// What a cluster that is being founded is told apart by from others whose nodes have the same names: its own name, else the addresses. Once it is founded, this number is what its data directories hold.
    /// </summary>
    private static ulong ClusterId(string? name, IEnumerable<Member> members)
    {
        var founding = name is not null ? $"named {name}" : string.Join(',', members.Select(m => $"{m.Name}={m.Address}"));
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"raftkv cluster {founding}"));
        return BinaryPrimitives.ReadUInt64LittleEndian(hash) | 1;
    }

    /// <summary>A log belongs to its data directory: that is more than to a cluster, and known before the cluster is.</summary>
    private static WalIdentity WalIdentityOf(NodeIdentity identity)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, identity.Incarnation);
        return new WalIdentity(new Guid(bytes), identity.Number);
    }

    private static NodeConfiguration Configuration(RaftKvOptions options, IReadOnlyList<Member> members, Member self, DataDirectory directory, ulong seed) => new()
    {
        Self = self.Number,
        Members = members,
        Groups = directory.Identity.Groups,
        Shards = directory.Stores,
        CheckpointBytes = options.CheckpointBytes,
        RetainedLogBytes = options.RetainedLogBytes,
        Seed = seed,
        Raft = new RaftOptions
        {
            Self = self.Number,
            ElectionTimeout = Nanoseconds(options.ElectionTimeout),
            HeartbeatInterval = Nanoseconds(options.HeartbeatInterval),
            LeaderLeaseDuration = Nanoseconds(options.LeaderLeaseDuration),
        },
    };

    /// <summary>A directory whose node has met a peer or has a checkpoint must have a log: without one it has forgotten its promises and is refused.</summary>
    private static WalOptions LogOptions(RaftKvOptions options, NodeEnvironment environment, DataDirectory directory)
    {
        var files = environment.Files;
        var hasPromised = files.FileExists(directory.PeersPath) || Enumerable.Range(0, directory.Stores).Any(i => files.DirectoryExists(directory.StorePath(i)));
        return environment.AdjustLog(new WalOptions
        {
            SegmentSize = (int)(options.LogSegmentBytes & ~4095L),
            CreateIfMissing = directory.Created || !hasPromised,
            Clock = () => environment.Clock.Now,
        });
    }

    private static async Task<IPEndPoint> ResolveAsync(RaftKvMember self, string address, CancellationToken cancellationToken)
    {
        if (!HostPort.TryParse(address, AddressUse.ListenForPeers, out var endpoint, out var problem))
            throw new RaftKvStartException(problem);
        try
        {
            return await endpoint.ResolveAsync(cancellationToken);
        }
        catch (SocketException e)
        {
            throw new RaftKvStartException($"the address {address} of node {self.Name} cannot be resolved: {e.Message}", e);
        }
    }

    private static TcpTransport Bind(OwnIdentity own, IPEndPoint listen, RaftKvMember self, RaftKvOptions options, IPeerRegistry registry, ITransportHandler handler, ILoggerFactory loggers)
    {
        try
        {
            var transport = new TransportOptions { Listen = listen, PeerTimeout = options.ElectionTimeout * (5.0 / 6), KeepAliveInterval = options.ElectionTimeout / 12 };
            return new TcpTransport(own, transport, registry, handler, loggers.CreateLogger<TcpTransport>());
        }
        catch (SocketException e)
        {
            throw new RaftKvStartException($"node {self.Name} cannot listen on {options.ListenAddress ?? self.Address}: {e.Message}", e);
        }
    }

    private static ulong RandomNumber()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes) | 1;
    }

    private static long Nanoseconds(TimeSpan time) => time.Ticks * 100;

    private static long PowerOfTwo(long bytes) => (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)bytes);
}
