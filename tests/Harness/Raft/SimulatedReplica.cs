using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine.Buffers;

namespace RaftKv.Tests.Harness.Raft;

/// <summary>One node of a simulated group: its core, its disk, its state machine, and what a runtime does between them.</summary>
public sealed class SimulatedReplica(ulong id, SimulationOptions options)
{
    private readonly RaftEffects _effects = new();
    private readonly Queue<(StorageToken Token, List<Message> Messages)> _waiting = [];

    public ulong Id { get; } = id;
    public SimulatedDisk Disk { get; } = new();
    public RaftNode? Core { get; private set; }

    /// <summary>The state machine: what it has applied, as a hash, and the configuration as of then.</summary>
    public StateImage State { get; private set; } = new(0, 0, new Configuration(), 0);

    /// <summary>The configuration before the latest input.</summary>
    public Configuration ConfigurationBefore { get; private set; } = new();
    public bool IsPaused { get; set; }

    /// <summary>What came in while it was paused.</summary>
    public Queue<Action> Backlog { get; } = [];
    public int Incarnation { get; private set; }

    /// <summary>True time of the tick that is scheduled, -1 for none.</summary>
    public long TickScheduledFor { get; set; } = -1;

    /// <summary>Clock: local = offset + true time x rate, rate in millionths.</summary>
    public long ClockOffset { get; init; }
    public long ClockRate { get; init; } = 1_000_000;

    public long LocalTime(long trueTime) => ClockOffset + (long)((Int128)trueTime * ClockRate / 1_000_000);

    /// <summary>When a local time is due, in true time.</summary>
    public long TrueTime(long local) => local == long.MaxValue ? long.MaxValue : (long)((Int128)(local - ClockOffset) * 1_000_000 / ClockRate) + 1;

    public void Start(ulong seed, long localNow)
    {
        Incarnation++;
        State = Disk.Image;
        Core = new RaftNode(options.For(Id), Disk.Recover(), Disk, seed, localNow);
        ConfigurationBefore = Core.Configuration;
    }

    public void Stop(int keptWrites)
    {
        Core = null;
        IsPaused = false;
        Backlog.Clear();
        _waiting.Clear();
        Disk.Crash(keptWrites);
    }

    /// <summary>Notes the configuration before an input.</summary>
    public void BeforeInput() => ConfigurationBefore = Core?.Configuration ?? ConfigurationBefore;

    /// <summary>Takes the core's effects and does what a runtime does about them at once; gives the rest to the world.</summary>
    public void Pump(IWorld world)
    {
        while (Core is { HasEffects: true } core)
        {
            core.TakeEffects(_effects);
            // Copied before anything is fed back: payloads are valid only until the next input.
            var messages = _effects.Messages.ConvertAll(Copy);
            var after = _effects.MessagesAfterDurable.ConvertAll(Copy);
            if (_effects.Token is { } token)
            {
                Disk.Write(token, _effects.HardState, _effects.Entries);
                _waiting.Enqueue((token, after));
                world.ScheduleSync(this);
            }

            foreach (var read in _effects.ReadStates)
                world.OnRead(this, read);
            foreach (var peer in _effects.SnapshotsToSend)
                world.SendImage(this, peer);
            foreach (var chunk in _effects.SnapshotChunks)
                world.ReceiveImage(this, chunk);
            foreach (var answer in _effects.SnapshotAnswers)
                world.OnImageRefused(this, answer.From);
            foreach (var message in messages)
                world.Send(this, message);
            foreach (var entry in _effects.Committed)
            {
                var configuration = State.Configuration;
                if (entry.Kind == EntryKind.Configuration)
                    ConfigurationCodec.TryRead(entry.Payload.Span, out configuration);
                State = new StateImage(entry.Index, entry.Term, configuration, world.OnApplied(this, entry, State.Hash));
            }

            if (_effects.Committed.Count > 0)
                core.Applied(State.Index);
        }
    }

    /// <summary>The oldest write is on disk: its messages leave, and the core is told.</summary>
    public void Synced(IWorld world, long localNow)
    {
        var token = Disk.SyncOne();
        var (expected, messages) = _waiting.Dequeue();
        if (expected != token)
            throw new InvalidOperationException("writes became durable out of order");
        foreach (var message in messages)
            world.Send(this, message);
        Core!.WritesDurable(token, localNow);
    }

    /// <summary>A received image becomes state and log.</summary>
    public void Install(StateImage image, IWorld world, long localNow)
    {
        // The log writes in order: what was handed to it before the reset is durable before it.
        while (Disk.UnderWay > 0)
            Synced(world, localNow);
        Disk.Install(image);
        State = image;
        Core!.SnapshotInstalled(image.Index, image.Term, image.Configuration, localNow);
    }

    /// <summary>Encodes and decodes, which copies and checks the codec on the way.</summary>
    public static Message Copy(Message message)
    {
        using var buffer = new PooledBuffer();
        MessageCodec.Write(buffer, 7, message);
        var position = 0;
        if (!MessageCodec.TryRead(buffer.Span.ToArray(), ref position, out var group, out var copy) || group != 7 || position != buffer.Length)
            throw new InvalidOperationException($"{message} cannot be read back");
        return copy!;
    }
}

/// <summary>What a replica asks of its surroundings.</summary>
public interface IWorld
{
    void Send(SimulatedReplica from, Message message);

    void ScheduleSync(SimulatedReplica replica);

    void OnRead(SimulatedReplica replica, ReadState read);

    ulong OnApplied(SimulatedReplica replica, LogEntry entry, ulong hashBefore);

    void SendImage(SimulatedReplica from, ulong to);

    void ReceiveImage(SimulatedReplica to, SnapshotChunk chunk);

    void OnImageRefused(SimulatedReplica from, ulong by);
}
