using System.Buffers.Binary;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Tests.Jepsenish.Simulation.Clients;
using RaftKv.Tests.Jepsenish.Simulation.Machines;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>Tells a run for people: who sent what to whom, what became durable, who came to lead and why. Costs nothing when nobody listens.</summary>
internal sealed class Story(TextWriter? writer)
{
    private readonly Dictionary<(ulong Node, uint Group), (RaftRole Role, ulong Term, ulong Leader, ulong Commit, ulong Durable)> _last = [];

    /// <summary>The time to put in front of lines.</summary>
    public Func<long> Clock { get; set; } = () => 0;

    /// <summary>Whether anybody listens.</summary>
    public bool IsTold => writer is not null;

    /// <summary>Something about all.</summary>
    public void Tell(string what) => Line("", what);

    /// <summary>Something about a machine.</summary>
    public void Tell(Machine machine, string what) => Line(machine.Name, what);

    /// <summary>Something about a client.</summary>
    public void Tell(Client client, Func<string> what)
    {
        if (writer is not null)
            Line($"{client.Name} g{client.Group}", what());
    }

    /// <summary>Where a machine's production code logs to.</summary>
    public ILoggerFactory LoggersOf(Machine machine) => writer is null ? NullLoggerFactory.Instance : new Loggers(this, machine);

    /// <summary>What changed in a shard's groups.</summary>
    public void AfterTurn(Process process, Shard shard)
    {
        if (writer is null)
            return;
        foreach (var replica in shard.Replicas)
        {
            var core = replica.Core;
            var disk = process.Machine.Ledger.Group(replica.Group);
            var key = (process.Machine.Number, replica.Group);
            var before = _last.GetValueOrDefault(key);
            var now = (core.Role, core.Term, core.Leader, core.CommitIndex, disk.LastIndex);
            if (now == before)
                continue;
            _last[key] = now;
            if ((before.Role, before.Term, before.Leader) != (core.Role, core.Term, core.Leader))
                Tell(process.Machine, $"group {replica.Group}: {core.Role} in term {core.Term}, leader {(core.Leader == 0 ? "unknown" : $"n{core.Leader}")}, log {core.FirstIndex}-{core.LastIndex}, {core.Configuration}");
            if (before.Durable != disk.LastIndex)
                Tell(process.Machine, $"group {replica.Group}: durable up to {disk.LastIndex}");
            if (before.Commit != core.CommitIndex)
                Tell(process.Machine, $"group {replica.Group}: committed up to {core.CommitIndex}");
        }
    }

    /// <summary>A frame leaves.</summary>
    public void OnSent(Process process, ulong peer, ReadOnlySpan<byte> frame)
    {
        if (writer is null || frame.IsEmpty)
            return;
        if (frame[0] != (byte)FrameKind.Raft)
        {
            Tell(process.Machine, $"-> n{peer}: {(FrameKind)frame[0]}, {frame.Length} bytes");
            return;
        }

        var position = 0;
        var bytes = frame[1..].ToArray();
        while (position < bytes.Length && MessageCodec.TryRead(bytes, ref position, out var group, out var message))
            Tell(process.Machine, $"-> n{peer}: group {group}, {Show(message!)}");
    }

    private static string Show(Message message) => message switch
    {
        AppendEntries m => $"AppendEntries term {m.Term}, after ({m.PreviousIndex}, {m.PreviousTerm}), {m.Entries.Count} entries, commit {m.CommitIndex}",
        SnapshotChunk m => $"SnapshotChunk term {m.Term}, image of {m.SnapshotIndex}, offset {m.Offset}, {m.Data.Length} bytes{(m.Last ? ", last" : "")}",
        _ => message.ToString().Replace(" { ", ": ", StringComparison.Ordinal).Replace(" }", "", StringComparison.Ordinal),
    };

    private void Line(string who, string what) => writer?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Clock() / 1e9,11:F6} {who,-6} {what}"));

    private sealed class Loggers(Story story, Machine machine) : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("a story has one listener");

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            story.Tell(machine, $"logs {logLevel}: {formatter(state, exception)}");

        public void Dispose()
        {
            // Nothing is held.
        }
    }
}
