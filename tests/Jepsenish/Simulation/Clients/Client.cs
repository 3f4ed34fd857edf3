using System.Globalization;
using System.Text;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Jepsenish.Histories;
using RaftKv.Tests.Jepsenish.Simulation.Network;
using RaftKv.Tests.Jepsenish.Workloads;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Clients;

/// <summary>
/// A Redis client: one request at a time on one connection, a time limit, another node after a loss. Its program is an asynchronous method whose awaits are all simulated events.
/// </summary>
internal sealed class Client
{
    /// <summary>Longer than servers take to give up themselves.</summary>
    private const long Patience = 3 * Second;

    private readonly Cluster _cluster;
    private readonly ReplyReader _replies = new();
    private readonly SeededRandom _large;
    private RespLink? _link;
    private int _expected;
    private List<RespReply> _received = [];
    private TaskCompletionSource<IReadOnlyList<RespReply>?>? _waiting;

    public Client(Cluster cluster, int number, uint group)
    {
        (_cluster, Number, Group) = (cluster, number, group);
        Random = Randomness.Fork(cluster.Options.Seed, "client", (ulong)number);
        Identity = number;
        _large = Randomness.Fork(cluster.Options.Seed, "large client", (ulong)number);
    }

    /// <summary>Whether its next write is a large one.</summary>
    public bool WritesLarge() => _large.Chance(_cluster.Options.LargePerMille);

    /// <summary>A choice about a large write.</summary>
    public int LargeChoice(int from, int to) => _large.Between(from, to);

    /// <summary>Its number.</summary>
    public int Number { get; }

    /// <summary>The group whose keys it uses.</summary>
    public uint Group { get; }

    /// <summary>Its name.</summary>
    public string Name => $"c{Number}";

    /// <summary>Its choices.</summary>
    public SeededRandom Random { get; }

    /// <summary>The logical process of a history: another one after each unknown outcome.</summary>
    public long Identity { get; private set; }

    /// <summary>Whether a request is under way.</summary>
    public bool IsWaiting => _waiting is not null;

    /// <summary>The cluster it talks to.</summary>
    public Cluster Cluster => _cluster;

    /// <summary>When the request under way began.</summary>
    public long WaitingSince { get; private set; }

    /// <summary>Whether it writes nothing for now, where its work leaves it the choice.</summary>
    public bool OnlyReads { get; set; }

    /// <summary>The node it talks to; null for any.</summary>
    public ulong? Home { get; set; }

    /// <summary>What an error reply means: some promise that nothing happened; all others promise nothing.</summary>
    public static EventType Judge(RespReply? reply) => reply switch
    {
        null => EventType.Info,
        { IsError: false } => EventType.Ok,
        { ErrorCode: "CLUSTERDOWN" or "TRYAGAIN" or "EXECABORT" } => EventType.Fail,
        _ => EventType.Info,
    };

    /// <summary>An operation ended without telling how: whatever it does may come later, so a new process goes on.</summary>
    public void BecomeAnother() => Identity += 1000;

    /// <summary>Waits.</summary>
    public Task Sleep(long time)
    {
        var done = new TaskCompletionSource();
        _cluster.Scheduler.After(time, done.SetResult);
        return done.Task;
    }

    /// <summary>Sees to it that there is a connection; false when nobody answers.</summary>
    public async Task<bool> ConnectAsync()
    {
        if (_link is { IsBroken: false })
            return true;
        _link = null;
        await Sleep(Random.Time(50 * Microsecond, 500 * Microsecond));
        var machine = _cluster.Machine(Home ?? (ulong)Random.Between(1, _cluster.Machines.Count));
        if (machine.Process is not { IsAlive: true } process)
            return false;
        var opened = new TaskCompletionSource<RespLink>();
        process.Run(() => opened.TrySetResult(RespLink.Open(process, Group, this, Random)));
        if (!opened.Task.IsCompleted)
            return false;
        _link = await opened.Task;
        return true;
    }

    /// <summary>Asks one thing; null when there was no answer.</summary>
    public async Task<RespReply?> AskAsync(params string[] words) => (await AskAllAsync([words]))?[0];

    /// <summary>Asks several things at once; null when not all were answered.</summary>
    public async Task<IReadOnlyList<RespReply>?> AskAllAsync(IReadOnlyList<string[]> requests)
    {
        if (_link is not { IsBroken: false } link)
            return null;
        var waiting = _waiting = new TaskCompletionSource<IReadOnlyList<RespReply>?>();
        WaitingSince = _cluster.Scheduler.Now;
        _expected = requests.Count;
        _received = [];
        _cluster.Story.Tell(this, () => string.Join(" | ", requests.Select(r => string.Join(' ', r))));
        link.Send(Encode(requests));
        _cluster.Scheduler.After(Patience, () =>
        {
            if (_waiting == waiting)
                GiveUp("no answer in time");
        });
        var answer = await waiting.Task;
        _cluster.Story.Tell(this, () => answer is null ? "no answer" : $"-> {string.Join(" | ", answer.Select(Show))}");
        return answer;
    }

    /// <summary>The connection ends; the next request takes another.</summary>
    public void Disconnect()
    {
        _link?.Close();
        _link = null;
    }

    /// <summary>Bytes of replies arrived.</summary>
    public void OnBytes(RespLink link, byte[] bytes)
    {
        if (link != _link || _waiting is null)
            return;
        _replies.Add(bytes);
        while (_received.Count < _expected && _replies.Next() is { } reply)
            _received.Add(reply);
        if (_received.Count < _expected)
            return;
        var waiting = _waiting;
        _waiting = null;
        waiting.SetResult(_received);
    }

    /// <summary>The server is gone.</summary>
    public void OnBroken(RespLink link)
    {
        if (link == _link)
            GiveUp("the connection broke");
    }

    private void GiveUp(string why)
    {
        _cluster.Story.Tell(this, () => why);
        Disconnect();
        _replies.Clear();
        var waiting = _waiting;
        _waiting = null;
        waiting?.SetResult(null);
    }

    private static string Show(RespReply reply) => reply.Items is { } items ? $"[{string.Join(", ", items.Select(Show))}]" : reply.IsNil ? "nil" : $"{(reply.IsError ? "error " : "")}{reply.Text}";

    private static byte[] Encode(IReadOnlyList<string[]> requests)
    {
        var text = new StringBuilder();
        foreach (var words in requests)
        {
            text.Append(CultureInfo.InvariantCulture, $"*{words.Length}\r\n");
            foreach (var word in words)
                text.Append(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n");
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
