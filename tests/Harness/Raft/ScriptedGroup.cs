using System.Globalization;
using System.Text;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Tests.Harness.DataDriven;

namespace RaftKv.Tests.Harness.Raft;

/// <summary>
/// Several cores driven by a script: messages wait until a command delivers or drops them, writes until one syncs them, time until one lets it pass.
/// Commands answer with all that happened, so that the script reads as the story of a run.
/// </summary>
public sealed class ScriptedGroup : IWorld
{
    private const long Millisecond = 1_000_000;

    private readonly SortedDictionary<ulong, SimulatedReplica> _replicas = [];
    private readonly List<Message> _network = [];
    private readonly StringBuilder _story = new();
    private readonly SafetyChecker _checker = new();
    private SimulationOptions _options = new() { Seed = 1 };
    private long _now;
    private bool _quiet;
    private ulong _timestamp;

    /// <summary>Runs one command; returns what happened.</summary>
    public string Execute(DataDrivenCommand command)
    {
        _story.Clear();
        _quiet = command.Words.Contains("quietly");
        switch (command.Name)
        {
            case "group":
                Create(command);
                break;
            case "campaign":
                Input(Replica(command), core => core.Campaign(_now));
                break;
            case "propose":
                Input(Replica(command), core => Tell(core.Propose(Encoding.UTF8.GetBytes(command.Words[1]), (long)++_timestamp, _now, out _), ProposeStatus.Accepted));
                break;
            case "change":
                Input(Replica(command), core => Tell(core.ProposeConfiguration(Change(command), (long)++_timestamp, _now, out _), ProposeStatus.Accepted));
                break;
            case "read":
                Input(Replica(command), core => Tell(core.ReadIndex(ulong.Parse(command.Words[1], CultureInfo.InvariantCulture), _now), ReadIndexStatus.Pending));
                break;
            case "transfer":
                Input(Replica(command), core => Tell(core.TransferLeadership(ulong.Parse(command.Words[1], CultureInfo.InvariantCulture), _now), true));
                break;
            case "advance":
                Advance(long.Parse(command.One("ms")!, CultureInfo.InvariantCulture) * Millisecond, command["only"]);
                break;
            case "deliver":
                Deliver(command, copies: command.Words.Contains("keep"));
                break;
            case "drop":
                foreach (var message in Select(command))
                {
                    _network.Remove(message);
                    Tell($"lost: {Transcript.Of(message)}");
                }

                break;
            case "sync":
                Sync(Replica(command));
                break;
            case "settle":
                Settle(command);
                break;
            case "connect" or "disconnect":
                Connect(command);
                break;
            case "crash":
                Replica(command).Stop(int.Parse(command.One("kept") ?? "0", CultureInfo.InvariantCulture));
                break;
            case "restart":
                Replica(command).Start(Replica(command).Id, _now);
                break;
            case "compact":
                Replica(command).Disk.Checkpoint(Replica(command).State, trim: true);
                Replica(command).Core!.Compact(Replica(command).State.Index);
                break;
            case "state":
                State();
                break;
            default:
                throw new ArgumentException($"unknown command {command.Name} in line {command.Line}");
        }

        return _story.Length == 0 ? "ok" : _story.ToString();
    }

    public void Send(SimulatedReplica from, Message message)
    {
        _checker.OnSent(message, from.Disk);
        _network.Add(message);
        Tell(Transcript.Of(message));
    }

    public void ScheduleSync(SimulatedReplica replica) => Tell($"{replica.Id} begins to write");

    public void OnRead(SimulatedReplica replica, ReadState read) => Tell(read.Index == 0 ? $"{replica.Id} read {read.Context} refused" : $"{replica.Id} read {read.Context} may be served at {read.Index}");

    public ulong OnApplied(SimulatedReplica replica, LogEntry entry, ulong hashBefore)
    {
        Tell($"{replica.Id} applies {Transcript.Of(entry)}");
        return _checker.OnApplied(replica.Id, replica.Disk, entry, hashBefore);
    }

    public void SendImage(SimulatedReplica from, ulong to)
    {
        var image = from.State;
        Send(from, new SnapshotChunk
        {
            From = from.Id, To = to, Term = from.Core!.Term, SnapshotId = image.Index, SnapshotIndex = image.Index, SnapshotTerm = image.Term, SnapshotTime = 0,
            Configuration = image.Configuration, Offset = 0, Checksum = 0, Last = true, Data = BitConverter.GetBytes(image.Hash),
        });
    }

    public void ReceiveImage(SimulatedReplica to, SnapshotChunk chunk)
    {
        var image = new StateImage(chunk.SnapshotIndex, chunk.SnapshotTerm, chunk.Configuration, BitConverter.ToUInt64(chunk.Data.Span));
        if (!to.Core!.BeginSnapshotInstall(image.Index, image.Term, _now))
            return;
        _checker.OnInstalled(to.Id, image);
        to.Install(image, this, _now);
        Tell($"{to.Id} installs the image of {image.Index}/{image.Term}");
    }

    public void OnImageRefused(SimulatedReplica from, ulong by) => from.Core!.SnapshotEnded(by, _now);

    private void Create(DataDrivenCommand command)
    {
        ulong[] Set(string key) => [.. command[key].Select(ulong.Parse)];
        var configuration = new Configuration { Voters = Set("voters"), Learners = Set("learners") };
        _options = _options with { QuiesceSoon = command.Words.Contains("quiesce"), MaxInflightMessages = 64, MaxAppendBytes = 1 << 20, LeaseMilliseconds = command.Words.Contains("nolease") ? 0 : 90 };
        foreach (var id in Set("voters").Concat(Set("learners")).Concat(Set("spare")))
        {
            var replica = new SimulatedReplica(id, _options);
            replica.Disk.Start(new StateImage(0, 0, Set("spare").Contains(id) ? new Configuration() : configuration, 0));
            _replicas[id] = replica;
            replica.Start(id, _now);
        }
    }

    private void Input(SimulatedReplica replica, Action<RaftNode> action)
    {
        if (replica.Core is not { } core)
        {
            Tell($"{replica.Id} is down");
            return;
        }

        var (role, term, commit) = (core.Role, core.Term, core.CommitIndex);
        replica.BeforeInput();
        action(core);
        if (core.Role != role || core.Term != term)
            Tell($"{replica.Id} is {core.Role} in term {core.Term}");
        if (core.CommitIndex != commit)
            Tell($"{replica.Id} knows {core.CommitIndex} to be committed");
        replica.Pump(this);
        _checker.After(replica, _replicas, _ => _now);
    }

    private void Advance(long time, IReadOnlyList<string> only)
    {
        var end = _now + time;
        while (true)
        {
            var next = _replicas.Values.Where(r => r.Core is not null && (only.Count == 0 || only.Contains(r.Id.ToString(CultureInfo.InvariantCulture))))
                .MinBy(r => Math.Max(r.Core!.NextDeadline, _now));
            if (next is null || next.Core!.NextDeadline > end)
                break;
            _now = Math.Max(_now, next.Core.NextDeadline);
            Input(next, core => core.Tick(_now));
        }

        _now = end;
    }

    private void Deliver(DataDrivenCommand command, bool copies)
    {
        foreach (var message in Select(command))
        {
            if (!copies)
                _network.Remove(message);
            Input(_replicas[message.To], core => core.Step(SimulatedReplica.Copy(message), _now));
        }
    }

    // The messages on their way at this moment that a command means: by sender, receiver and kind; "first" takes one.
    private List<Message> Select(DataDrivenCommand command)
    {
        bool Any(string key, string value) => command[key].Count == 0 || command[key].Contains(value);
        var selected = _network.Where(m => Any("from", m.From.ToString(CultureInfo.InvariantCulture)) && Any("to", m.To.ToString(CultureInfo.InvariantCulture)) && Any("kind", m.GetType().Name)
            && Any("term", m.Term.ToString(CultureInfo.InvariantCulture)));
        return command.Words.Contains("first") ? [.. selected.Take(1)] : [.. selected];
    }

    private void Sync(SimulatedReplica replica)
    {
        while (replica.Core is not null && replica.Disk.UnderWay > 0)
        {
            Tell($"{replica.Id}'s writes are durable");
            Input(replica, _ => replica.Synced(this, _now));
        }
    }

    // Delivers and syncs among some nodes until nothing moves; messages from or to others stay where they are.
    private void Settle(DataDrivenCommand command)
    {
        bool Among(ulong id) => command["among"].Count == 0 || command["among"].Contains(id.ToString(CultureInfo.InvariantCulture));
        for (var moved = true; moved;)
        {
            moved = false;
            foreach (var replica in _replicas.Values.Where(r => r.Core is not null && Among(r.Id) && r.Disk.UnderWay > 0))
            {
                Sync(replica);
                moved = true;
            }

            foreach (var message in _network.Where(m => Among(m.From) && Among(m.To)).ToList())
            {
                _network.Remove(message);
                Input(_replicas[message.To], core => core.Step(SimulatedReplica.Copy(message), _now));
                moved = true;
            }
        }
    }

    private void Connect(DataDrivenCommand command)
    {
        var (a, b) = (ulong.Parse(command.Words[0], CultureInfo.InvariantCulture), ulong.Parse(command.Words[1], CultureInfo.InvariantCulture));
        foreach (var (from, to) in ((ulong, ulong)[])[(a, b), (b, a)])
        {
            if (_replicas[from].Core is null)
                continue;
            Input(_replicas[from], core =>
            {
                if (command.Name == "connect")
                    core.PeerConnected(to, _now);
                else
                    core.PeerDisconnected(to, _now);
            });
        }
    }

    private void State()
    {
        foreach (var replica in _replicas.Values)
        {
            Tell(replica.Core is not { } core ? $"{replica.Id} is down" :
                $"{replica.Id} {core.Role} term={core.Term} vote={core.Core.Vote} leader={core.Leader} log={core.FirstIndex}..{core.LastIndex} commit={core.CommitIndex} applied={core.AppliedIndex} {core.Configuration}"
                + (core.LeaseUntil > _now ? " lease" : "") + (core.IsQuiescent ? " quiescent" : ""));
        }
    }

    private SimulatedReplica Replica(DataDrivenCommand command) => _replicas[ulong.Parse(command.Words[0], CultureInfo.InvariantCulture)];

    private static ConfigurationChange Change(DataDrivenCommand command) => new([.. command.Words.Skip(1).Where(w => w != "quietly").Select(word =>
        (word[0] switch { 'v' => ConfigurationStep.AddVoter, 'l' => ConfigurationStep.AddLearner, _ => ConfigurationStep.Remove }, ulong.Parse(word.AsSpan(1), CultureInfo.InvariantCulture)))]);

    private void Tell<T>(T outcome, T usual)
    {
        if (!Equals(outcome, usual))
            _story.Append(CultureInfo.InvariantCulture, $"{outcome}\n");
    }

    private void Tell(string line)
    {
        if (!_quiet)
            _story.Append(line).Append('\n');
    }
}
