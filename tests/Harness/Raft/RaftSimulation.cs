using System.Buffers.Binary;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;

namespace RaftKv.Tests.Harness.Raft;

/// <summary>
/// A group of cores over a bad network, with bad disks, clocks and operators, all from one seed. First faults, with safety checked after every event; then everything heals and
/// the group must elect a leader and commit within bounds.
/// </summary>
public sealed class RaftSimulation : IWorld
{
    private const long Millisecond = 1_000_000;

    private readonly SimulationOptions _options;
    private readonly DeterministicRandom _random;
    private readonly PriorityQueue<Action, (long Time, long Sequence)> _events = new();
    private readonly Dictionary<ulong, SimulatedReplica> _replicas = [];
    private readonly Dictionary<ulong, (ulong Node, ulong AppliedBefore)> _reads = [];
    private readonly Dictionary<(ulong, ulong), bool> _cut = [];
    private readonly SafetyChecker _checker = new();
    private readonly HashSet<ulong> _lost = [];
    private ulong _losesFirst;
    private long _now;
    private long _sequence;
    private ulong _nextContext = 1;
    private ulong _nextCommand = 1;
    private bool _healed;
    private ulong _reconfiguredIn;
    private ulong _proposedIn;
    private ulong _proposedAt;
    private ulong _eventHash = 14695981039346656037;

    public RaftSimulation(SimulationOptions options)
    {
        _options = options;
        _random = new DeterministicRandom(options.Seed);
        var voters = Enumerable.Range(1, options.InitialVoters).Select(n => (ulong)n).ToArray();
        for (var id = 1UL; id <= (ulong)options.Nodes; id++)
        {
            var replica = new SimulatedReplica(id, options)
            {
                ClockOffset = _random.Below(1_000_000_000_000), ClockRate = 1_000_000 + ((_random.Below(1001) - 500) * options.DriftPerMille),
            };
            // A node outside the first configuration knows nothing until a leader tells it.
            replica.Disk.Start(new StateImage(0, 0, id <= (ulong)options.InitialVoters ? new Configuration { Voters = voters } : new Configuration(), 0));
            _replicas[id] = replica;
        }
    }

    public SafetyChecker Checker => _checker;

    /// <summary>Equal for equal seeds, whatever the process.</summary>
    public ulong EventHash => _eventHash;

    /// <summary>Runs to the end; throws with the seed in the message when a property breaks.</summary>
    public void Run()
    {
        try
        {
            foreach (var replica in _replicas.Values)
                Start(replica);
            At(_options.OperationEvery, Operate);
            At(_options.FaultEvery, Fault);
            RunUntil(_options.Duration);
            if (_options.LosesMinority && _random.Below(2) == 0)
                CutElectionShort();
            Heal();
            var healedAt = _now;
            RunUntil(() => Leader() is { } leader && leader.Core!.CommitIndex >= leader.Core.Core.Leadership!.FirstIndex, 5 * 300 * Millisecond * 102 / 100, "a leader that has committed");
            RunUntil(ProposedIsEverywhere, 3_000 * Millisecond - (_now - healedAt), "a proposal to be applied by every member");
        }
        catch (Exception broken) when (broken is not SimulationFailedException)
        {
            throw new SimulationFailedException($"seed {_options.Seed}, at {_now / 1000} us: {broken.Message}\n{_options}", broken);
        }
    }

    // ---- what replicas ask for

    public void Send(SimulatedReplica from, Message message)
    {
        _checker.OnSent(message, from.Disk);
        Mix((ulong)message.GetType().Name.Length, message.From, message.To, message.Term);
        if (!_healed && _random.Below(1000) < _options.DropPerMille)
            return;
        var copies = !_healed && _random.Below(1000) < _options.DuplicatePerMille ? 2 : 1;
        for (; copies > 0; copies--)
        {
            var late = !_healed && _random.Below(1000) < (_options.LateKind == message.GetType() ? 300 : _options.LatePerMille);
            var delay = 50_000 + _random.Below(_healed ? Millisecond : late ? 600 * Millisecond : _options.MaxDelay);
            At(delay, () => Deliver(message));
            if (message is TimeoutNow && late && _options.Partitions && _random.Below(2) == 0)
                Deafen(message.To, delay - 20_000);
        }
    }

    public void ScheduleSync(SimulatedReplica replica)
    {
        var incarnation = replica.Incarnation;
        var delay = 50_000 + _random.Below(_healed ? Millisecond : _options.MaxSync);
        if (!_healed && _random.Below(1000) < _options.SlowSyncPerMille)
            delay += _random.Below(400 * Millisecond);
        At(delay, () =>
        {
            if (replica.Incarnation == incarnation && replica.Core is not null && replica.Disk.UnderWay > 0)
                Input(replica, () => replica.Synced(this, Local(replica)));
        });
    }

    public void OnRead(SimulatedReplica replica, ReadState read)
    {
        if (read.Index != 0 && _reads.TryGetValue(read.Context, out var asked) && asked.Node == replica.Id)
            _checker.OnRead(replica.Id, read.Index, asked.AppliedBefore);
    }

    public ulong OnApplied(SimulatedReplica replica, LogEntry entry, ulong hashBefore) => _checker.OnApplied(replica.Id, replica.Disk, entry, hashBefore);

    public void SendImage(SimulatedReplica from, ulong to)
    {
        var image = from.State;
        var data = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(data, image.Hash);
        var term = from.Core!.Term;
        Send(from, SimulatedReplica.Copy(new SnapshotChunk
        {
            From = from.Id, To = to, Term = term, SnapshotId = image.Index, SnapshotIndex = image.Index, SnapshotTerm = image.Term, SnapshotTime = 0, Configuration = image.Configuration,
            Offset = 0, Checksum = 0, Last = true, Data = data,
        }));
        // The runtime gives up after a while, and the core probes again.
        At(150 * Millisecond, () => Input(from, () => from.Core!.SnapshotEnded(to, Local(from))));
    }

    public void ReceiveImage(SimulatedReplica to, SnapshotChunk chunk)
    {
        var image = new StateImage(chunk.SnapshotIndex, chunk.SnapshotTerm, chunk.Configuration, BinaryPrimitives.ReadUInt64LittleEndian(chunk.Data.Span));
        var incarnation = to.Incarnation;
        At(_random.Below(20 * Millisecond), () => Input(to, () =>
        {
            if (to.Incarnation != incarnation || !to.Core!.BeginSnapshotInstall(image.Index, image.Term, Local(to)))
                return;
            At(_random.Below(20 * Millisecond), () => Input(to, () =>
            {
                if (to.Incarnation != incarnation)
                    return;
                _checker.OnInstalled(to.Id, image);
                to.Install(image, this, Local(to));
            }));
        }));
    }

    public void OnImageRefused(SimulatedReplica from, ulong by) => from.Core!.SnapshotEnded(by, Local(from));

    // ---- events

    private void Start(SimulatedReplica replica)
    {
        replica.Start(_options.Seed * 31 + replica.Id + (ulong)replica.Incarnation * 977, Local(replica));
        Schedule(replica);
    }

    private void Deliver(Message message)
    {
        if (_cut.GetValueOrDefault((message.From, message.To)))
            return;
        Input(_replicas[message.To], () => _replicas[message.To].Core!.Step(message, Local(_replicas[message.To])));
        if (message is TimeoutNow && !_healed)
            HinderTransfer(_replicas[message.From]);
    }

    // Paused nodes get their input when they go on, in the order in which it came: what was sent before the pause is still in front.
    private void Input(SimulatedReplica replica, Action action)
    {
        if (replica.Core is null)
            return;
        if (replica.IsPaused)
        {
            replica.Backlog.Enqueue(action);
            return;
        }

        replica.BeforeInput();
        action();
        // Sometimes several inputs share a turn.
        if (_healed || _random.Below(8) != 0)
            replica.Pump(this);
        else
            At(_random.Below(Millisecond), () => Input(replica, static () => { }));
        _checker.After(replica, _replicas, Local);
        ReconfigureAtOnce(replica);
        if (replica.Core is { } core)
            Mix(replica.Id, core.Term, core.CommitIndex, core.LastIndex);
        Schedule(replica);
    }

    private void Schedule(SimulatedReplica replica)
    {
        if (replica.Core is not { } core || core.NextDeadline == long.MaxValue)
            return;
        var incarnation = replica.Incarnation;
        var deadline = core.NextDeadline;
        var due = Math.Max(replica.TrueTime(deadline), _now);
        if (replica.TickScheduledFor == due)
            return;
        replica.TickScheduledFor = due;
        At(due - _now, () =>
        {
            if (replica.Incarnation != incarnation || replica.TickScheduledFor != due)
                return;
            replica.TickScheduledFor = -1;
            Input(replica, () => replica.Core!.Tick(Local(replica)));
        });
    }

    private void Operate()
    {
        if (_healed)
            return;
        At(1 + _random.Below(2 * _options.OperationEvery), Operate);
        var replica = Any();
        if (replica.Core is null)
            return;
        switch (_random.Below(8))
        {
            case 0 or 1:
                var context = _nextContext++;
                _reads[context] = (replica.Id, _checker.MaxApplied);
                Input(replica, () =>
                {
                    // A paused node asks later: what was applied until then counts.
                    _reads[context] = (replica.Id, _checker.MaxApplied);
                    replica.Core!.ReadIndex(context, Local(replica));
                });
                break;
            default:
                var leader = _random.Below(4) == 0 ? replica : _replicas.Values.Where(r => r.Core?.Role == RaftRole.Leader).MaxBy(r => r.Core!.Term) ?? replica;
                var payload = new byte[8 + _random.Below(40)];
                BinaryPrimitives.WriteUInt64LittleEndian(payload, _nextCommand++);
                Input(leader, () => leader.Core!.Propose(payload, _now / Millisecond, Local(leader), out _));
                break;
        }
    }

    private void Fault()
    {
        if (_healed)
            return;
        At(1 + _random.Below(2 * _options.FaultEvery), Fault);
        var replica = Any();
        switch (_random.Below(9))
        {
            case 8 when _options is { Crashes: true, Partitions: true }:
                Orphan();
                break;
            case 0 when _options.Crashes && replica.Core is not null:
                Crash(replica);
                break;
            case 1 when _options.Crashes && _random.Below(4) == 0:
                foreach (var each in _replicas.Values.Where(r => r.Core is not null))
                    Crash(each);
                break;
            case 2 when _options.Pauses && replica.Core is not null:
                Pause(replica, _random.Below(3) == 0 ? 2_000 * Millisecond : 100 * Millisecond);
                break;
            case 3 or 4 when _options.Partitions:
                Partition();
                break;
            case 5 when _options.Reconfigures:
                Reconfigure();
                break;
            case 6 when _options.Transfers:
                var target = Any().Id;
                foreach (var leader in _replicas.Values.Where(r => r.Core?.Role == RaftRole.Leader).ToList())
                    Input(leader, () => leader.Core!.TransferLeadership(target, Local(leader)));
                break;
            case 7 when _options.Checkpoints && replica.Core is not null:
                Checkpoint(replica);
                break;
        }
    }

    // The one that transfers misses what comes of it: it stands still, or hears nothing, from about the time at which its successor campaigns.
    private void HinderTransfer(SimulatedReplica leader)
    {
        var how = _random.Below(3);
        if (how == 0 || (how == 1 && !_options.Pauses) || (how == 2 && !_options.Partitions))
            return;
        At(_random.Below(2 * Millisecond), () =>
        {
            if (_healed || leader.Core is null)
                return;
            if (how == 1)
                Pause(leader, 150 * Millisecond);
            else
                Deafen(leader.Id, _random.Below(300 * Millisecond));
        });
    }

    private void Deafen(ulong id, long time)
    {
        var links = _replicas.Keys.Where(other => other != id).Select(other => (other, id)).ToList();
        links.ForEach(link => _cut[link] = true);
        At(time, () => links.ForEach(link => _cut[link] = false));
    }

    // One node no longer hears its leader and notices it; when its promise has run out, the others start anew, and they do not hear the leader either.
    private void Orphan()
    {
        if (_replicas.Values.Where(r => r.Core?.Role == RaftRole.Leader).MaxBy(r => r.Core!.Term) is not { } leader)
            return;
        var orphan = Any();
        if (orphan == leader)
            return;
        void Cut(ulong other) => _cut[(leader.Id, other)] = _cut[(other, leader.Id)] = true;
        Cut(orphan.Id);
        Input(orphan, () => orphan.Core!.PeerDisconnected(leader.Id, Local(orphan)));
        At((90 + _random.Below(60)) * Millisecond, () =>
        {
            if (_healed)
                return;
            foreach (var other in _replicas.Values.Where(r => r != leader && r != orphan && r.Core is not null))
            {
                Cut(other.Id);
                Crash(other, _random.Below(5 * Millisecond));
            }
        });
        At((200 + _random.Below(400)) * Millisecond, Reconnect);
    }

    private void Pause(SimulatedReplica replica, long atMost)
    {
        replica.IsPaused = true;
        var incarnation = replica.Incarnation;
        At(_random.Below(atMost), () =>
        {
            if (replica.Incarnation == incarnation)
                Resume(replica);
        });
    }

    private void Resume(SimulatedReplica replica)
    {
        replica.IsPaused = false;
        while (replica is { IsPaused: false, Core: not null } && replica.Backlog.TryDequeue(out var action))
            Input(replica, action);
    }

    private void Crash(SimulatedReplica replica) => Crash(replica, _random.Below(_random.Below(2) == 0 ? 20 * Millisecond : 1_000 * Millisecond));

    private void Crash(SimulatedReplica replica, long downFor)
    {
        replica.Stop((int)_random.Below(replica.Disk.UnderWay + 1));
        replica.TickScheduledFor = -1;
        Notify(replica.Id, connected: false);
        At(downFor, () =>
        {
            if (replica.Core is not null || _lost.Contains(replica.Id))
                return;
            Start(replica);
            Notify(replica.Id, connected: true);
        });
    }

    // The others' transports notice, in their time.
    private void Notify(ulong id, bool connected)
    {
        foreach (var other in _replicas.Values.Where(r => r.Id != id))
        {
            At(_random.Below(2 * Millisecond), () => Input(other, () =>
            {
                if (connected)
                    other.Core!.PeerConnected(id, Local(other));
                else
                    other.Core!.PeerDisconnected(id, Local(other));
            }));
        }
    }

    private void Partition()
    {
        foreach (var link in _cut.Keys.ToList())
            _cut[link] = false;
        var kind = _random.Below(4);
        if (kind == 0)
            return;
        var noticed = _random.Below(2) == 0;
        var side = _random.Below(1 << _replicas.Count);
        bool Apart(ulong a, ulong b) => kind == 3 ? ((side >> (int)a ^ side >> (int)b) & 1) != 0 : _random.Below(3) == 0;
        foreach (var a in _replicas.Keys)
        {
            foreach (var b in _replicas.Keys.Where(b => b != a && Apart(a, b)))
            {
                _cut[(a, b)] = true;
                if (kind == 1)
                    continue;
                _cut[(b, a)] = true;
                if (noticed)
                    Input(_replicas[a], () => _replicas[a].Core!.PeerDisconnected(b, Local(_replicas[a])));
            }
        }

        if (noticed)
            At(_random.Below(600 * Millisecond), Reconnect);
    }

    private void Reconnect()
    {
        foreach (var link in _cut.Keys.ToList())
            _cut[link] = false;
        foreach (var a in _replicas.Values)
        {
            foreach (var b in _replicas.Keys.Where(b => b != a.Id && !_lost.Contains(b)))
                Input(a, () => a.Core!.PeerConnected(b, Local(a)));
        }
    }

    private void Reconfigure()
    {
        var steps = new List<(ConfigurationStep, ulong)>();
        var count = _random.Below(3) == 0 ? 2 + _random.Below(2) : 1;
        for (; count > 0; count--)
            steps.Add(((ConfigurationStep)_random.Below(3), Any().Id));
        foreach (var leader in _replicas.Values.Where(r => r.Core?.Role == RaftRole.Leader).ToList())
            Input(leader, () => leader.Core!.ProposeConfiguration(new ConfigurationChange(steps), _now / Millisecond, Local(leader), out _));
    }

    // An operator who cannot wait: changes the configuration the moment that somebody leads.
    private void ReconfigureAtOnce(SimulatedReplica replica)
    {
        if (_healed || !_options.Reconfigures || replica.Core is not { Role: RaftRole.Leader } core || core.Term <= _reconfiguredIn)
            return;
        _reconfiguredIn = core.Term;
        if (_random.Below(2) != 0)
            return;
        var change = new ConfigurationChange([((ConfigurationStep)_random.Below(3), Any().Id)]);
        Input(replica, () => replica.Core!.ProposeConfiguration(change, _now / Millisecond, Local(replica), out _));
    }

    private void Checkpoint(SimulatedReplica replica)
    {
        if (replica.State.Index <= replica.Disk.Image.Index || replica.Disk.UnderWay > 0)
            return;
        replica.Disk.Checkpoint(replica.State, trim: true);
        replica.Core!.Compact(replica.State.Index);
    }

    // The leader is cut off with entries that nobody else has; the others elect, and whoever they voted for is the first to be lost for good.
    private void CutElectionShort()
    {
        if (_replicas.Values.Where(r => r.Core?.Role == RaftRole.Leader).MaxBy(r => r.Core!.Term) is not { } leader)
            return;
        foreach (var other in _replicas.Values.Where(r => r != leader))
        {
            _cut[(leader.Id, other.Id)] = _cut[(other.Id, leader.Id)] = true;
            Input(other, () => other.Core!.PeerDisconnected(leader.Id, Local(other)));
        }

        for (var i = 0; i < 3; i++)
            Input(leader, () => leader.Core!.Propose([1], 0, Local(leader), out _));
        var term = leader.Core!.Term;
        for (var until = _now + 1_000 * Millisecond; _now < until && _losesFirst == 0 && _events.Count > 0;)
        {
            RunOne();
            _losesFirst = _replicas.Values.FirstOrDefault(r => r.Disk.Term > term && r.Disk.Vote != 0 && r.Disk.Vote != r.Id)?.Disk.Vote ?? 0;
        }
    }

    private void Heal()
    {
        _healed = true;
        _cut.Clear();
        foreach (var replica in _replicas.Values)
        {
            if (replica.Core is null)
                Start(replica);
            Resume(replica);
        }

        if (_options.LosesMinority)
            LoseMinority();
        // Nodes that were paused still have news of broken connections to work off.
        At(20 * Millisecond, Reconnect);
    }

    // Any of them but those without whom a configuration that may yet govern has no quorum.
    private void LoseMinority()
    {
        var configurations = _replicas.Values.SelectMany(r => r.Core!.Core.Configurations.All).ToList();
        foreach (var replica in _replicas.Values.OrderBy(r => r.Id == _losesFirst ? -1 : _random.Below(1000)).ToList())
        {
            _lost.Add(replica.Id);
            if ((replica.Id == _losesFirst || _random.Below(2) == 0) && configurations.TrueForAll(c => Quorums.Reached(c, node => _lost.Contains(node) ? 0 : 1) >= 1))
            {
                replica.Stop((int)_random.Below(replica.Disk.UnderWay + 1));
                Notify(replica.Id, connected: false);
            }
            else
            {
                _lost.Remove(replica.Id);
            }
        }
    }

    // A proposal that a leader accepted is lost with its leadership: the next leader gets another one.
    private bool ProposedIsEverywhere()
    {
        if (Leader() is not { } leader)
            return false;
        if (_proposedIn == leader.Core!.Term)
            return leader.Core.Configuration.Members().All(node => _lost.Contains(node) || _replicas[node].State.Index >= _proposedAt);
        Input(leader, () =>
        {
            if (leader.Core.Propose([1], 0, Local(leader), out var index) == ProposeStatus.Accepted)
                (_proposedIn, _proposedAt) = (leader.Core.Term, index);
        });
        return false;
    }

    private SimulatedReplica? Leader() =>
        _replicas.Values.Where(r => r.Core?.Role == RaftRole.Leader).MaxBy(r => r.Core!.Term);

    private void RunUntil(long time)
    {
        while (_events.TryPeek(out _, out var due) && due.Time <= time)
            RunOne();
        _now = time;
    }

    private void RunUntil(Func<bool> reached, long limit, string what)
    {
        var deadline = _now + limit;
        while (!reached())
        {
            if (!_events.TryPeek(out _, out var due) || due.Time > deadline)
                throw new SafetyViolationException($"liveness: waited {limit / Millisecond} ms for {what}: {Describe()}");
            RunOne();
        }
    }

    private void RunOne()
    {
        _events.TryDequeue(out var action, out var due);
        _now = due.Time;
        action!();
    }

    private string Describe() =>
        string.Join("; ", _replicas.Values.Select(r => r.Core is { } c
            ? $"{r.Id}: {c.Role} term {c.Term} leader {c.Leader} log {c.FirstIndex}..{c.LastIndex} commit {c.CommitIndex} applied {c.AppliedIndex} {c.Configuration}{(c.IsQuiescent ? " quiescent" : "")}{(c.Core.Follower.IsInstallingSnapshot ? " installing" : "")} next tick in {(c.NextDeadline == long.MaxValue ? -1 : (c.NextDeadline - Local(r)) / Millisecond)} ms, scheduled {r.TickScheduledFor}"
            : $"{r.Id}: down"));

    private void At(long delay, Action action) => _events.Enqueue(action, (_now + Math.Max(delay, 0), _sequence++));

    private long Local(SimulatedReplica replica) => replica.LocalTime(_now);

    private SimulatedReplica Any() => _replicas[1 + (ulong)_random.Below(_replicas.Count)];

    private void Mix(ulong a, ulong b, ulong c, ulong d)
    {
        foreach (var value in (ReadOnlySpan<ulong>)[a, b, c, d, (ulong)_now])
            _eventHash = (_eventHash ^ value) * 1099511628211;
    }
}

/// <summary>A run failed; the message names the seed that repeats it.</summary>
public sealed class SimulationFailedException(string message, Exception inner) : Exception(message, inner);
