using System.Buffers.Binary;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.State.Sessions;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Engine.Store.Memory;
using RaftKv.Tests.Harness.Fuzz;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>Entries of the log, queries, and the results that a leader sends back. An entry that cannot be read is refused by a result on every replica alike: it must never stop one.</summary>
public class CommandFuzzTests
{
    private const ulong Session = 1;

    [Fact]
    public void Entries_and_queries_are_answered() => Fuzzer.Run(
        new FuzzTarget { Corpus = Commands(300), Read = Apply, FixedBytes = 32 << 20 },
        16_000);

    [Fact]
    public void Results_are_read_or_refused() => Fuzzer.Run(
        new FuzzTarget { Corpus = Results(300), Read = ReadResult, Refusals = [typeof(InvalidDataException)] },
        24_000);

    private static bool Apply(byte[] command)
    {
        // A gap of many MiB in a SETRANGE is within the limits, and only slow.
        if (command.Length >= CommandEnvelope.Size && CommandEnvelope.Kind(command) is CommandKind.SetRange or CommandKind.Batch && HasLargeNumber(command))
            return false;
        using var store = new MemoryStateStore();
        using var machine = new StateMachine(store.Open(1));
        using var result = new PooledBuffer();
        Prepare(machine, result);
        machine.Apply(new AppliedPosition(4, 1, 0), 2_000, command, result);
        Assert.True(result.Length >= CommandResult.HeadSize);
        var status = new CommandResult(result.Span).Status;
        machine.Query(command, result);
        Assert.True(result.Length >= CommandResult.HeadSize);
        // What was applied is in a state that can be saved and taken up again.
        machine.SaveSessions();
        machine.Reload();
        machine.Apply(new AppliedPosition(5, 1, 0), 3_000, command, result);
        return status == ResultStatus.Ok;
    }

    private static void Prepare(StateMachine machine, PooledBuffer result)
    {
        using var command = new PooledBuffer();
        OpenSessionCommand.Encode(command);
        machine.Apply(new AppliedPosition(1, 1, 0), 1_000, command.Span, result);
        command.Clear();
        PutCommand.Encode(command, "k1"u8, "41"u8, PutCondition.None, 0, Expiry.None, false);
        machine.Apply(new AppliedPosition(2, 1, 0), 1_000, command.Span, result);
        command.Clear();
        PutCommand.Encode(command, "k2"u8, "a value"u8, PutCondition.None, 0, Expiry.At(1_500), false);
        machine.Apply(new AppliedPosition(3, 1, 0), 1_000, command.Span, result);
    }

    private static bool HasLargeNumber(ReadOnlySpan<byte> command)
    {
        for (var i = CommandEnvelope.Size; i + 8 <= command.Length; i++)
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(command[i..]) is > 1 << 16 and <= 16 << 20)
                return true;
        }

        return false;
    }

    private static bool ReadResult(byte[] bytes)
    {
        var result = new CommandResult(bytes);
        long read = result.Body.Length;
        switch (bytes[0] % 5)
        {
            case 0:
                var page = result.Scan;
                while (page.MoveNext())
                    read += page.Key.Length + page.Value.Length;
                break;
            case 1:
                var batch = result.Batch;
                while (batch.MoveNext())
                    read += batch.Current.Body.Length;
                break;
            case 2:
                read += result.Value.Length + result.ExpireAt;
                break;
            case 3:
                read += result.OldValue.Length + (long)result.CurrentRevision;
                break;
            default:
                read += result.Number + (int)result.Outcome + (long)result.OutcomeRevision;
                break;
        }

        return read != long.MinValue;
    }

    private static List<byte[]> Commands(int count)
    {
        var commands = new List<byte[]>();
        var generator = new CommandGenerator(1);
        for (var i = 0; i < count; i++)
        {
            using var command = new PooledBuffer();
            if (i % 20 == 0)
                ResolveOutcomeCommand.Encode(command, Session, (ulong)i);
            else
                generator.Encode(command);
            if (i % 2 == 0)
                CommandEnvelope.Stamp(command.WritableSpan, Session, (ulong)(i / 2) + 1, (ulong)(i / 4));
            commands.Add(command.Span.ToArray());
        }

        return commands;
    }

    private static List<byte[]> Results(int count)
    {
        using var driver = new CommandDriver();
        var results = new List<byte[]>();
        foreach (var command in Commands(count))
            results.Add([.. driver.ApplyRaw(command)]);
        return results;
    }
}
