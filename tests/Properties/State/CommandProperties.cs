using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.Store;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Properties.State;

public class CommandProperties
{
    [Fact]
    public void Hostile_bytes_are_answered_and_never_throw() => Seeds.ForEach(60, seed =>
    {
        var generator = new CommandGenerator(seed);
        var random = generator.Random;
        using var driver = new CommandDriver();
        var session = driver.OpenSession();
        for (var i = 0UL; i < 200; i++)
        {
            using var command = new PooledBuffer();
            generator.Encode(command);
            if (random.Next(2) == 0)
                CommandEnvelope.Stamp(command.WritableSpan, session, random.Next(20) == 0 ? (ulong)random.NextInt64() : i, (ulong)random.Next(300));
            Damage(command, random);
            if (command.Length >= CommandEnvelope.Size && ReachesFar(CommandEnvelope.Kind(command.Span), command.Span[CommandEnvelope.Size..]))
                continue;
            var before = driver.Records();
            var result = new CommandResult(driver.ApplyRaw(command.Span));
            if (result.Status is ResultStatus.Malformed or ResultStatus.TooLarge or ResultStatus.Forgotten or ResultStatus.UnknownSession)
                Assert.Equal(before, driver.Records());
            driver.Machine.Query(command.Span, command);
        }
    });

    [Fact]
    public void A_state_after_applying_each_command_twice_is_that_after_applying_it_once() => Seeds.ForEach(60, seed =>
    {
        var generator = new CommandGenerator(seed);
        using var once = new CommandDriver();
        using var twice = new CommandDriver();
        var session = once.OpenSession();
        twice.OpenSession();
        for (var i = 1UL; i <= 150; i++)
        {
            generator.Revision = i;
            Pass(generator, once, twice, i);
            using var command = new PooledBuffer();
            generator.Encode(command);
            CommandEnvelope.Stamp(command.WritableSpan, session, i, 0);
            var expected = once.ApplyRaw(command.Span);
            Assert.Equal(expected, twice.ApplyRaw(command.Span));
            // The retry comes in an entry of its own; the other machine has a no-op there.
            Assert.Equal(expected, twice.ApplyRaw(command.Span));
            once.Machine.ApplyEmpty(new AppliedPosition(once.Index + 1, 1, 0), once.Time);
        }
        Assert.Equal(once.Records(), twice.Records());
    });

    [Fact]
    public void A_batch_does_what_its_commands_do_one_by_one() => Seeds.ForEach(150, seed =>
    {
        var generator = new CommandGenerator(seed) { UsesRevisions = false };
        using var whole = new CommandDriver();
        using var single = new CommandDriver();
        for (var i = 0UL; i < 40; i++)
        {
            Pass(generator, whole, single, i);
            var commands = new List<byte[]>();
            using var command = new PooledBuffer();
            for (var left = generator.Random.Next(6); left > 0; left--)
            {
                command.Clear();
                generator.EncodeSimple(command);
                commands.Add(command.Span.ToArray());
            }
            var results = new CommandResult(whole.Apply(into =>
            {
                var batch = new BatchBuilder(into);
                commands.ForEach(bytes => batch.Add(bytes));
            })).Batch;
            foreach (var bytes in commands)
            {
                Assert.True(results.MoveNext());
                var expected = new CommandResult(single.ApplyRaw(bytes));
                var kind = CommandEnvelope.Kind(bytes);
                Assert.Equal((expected.Status, WithoutRevision(kind, expected)), (results.Current.Status, WithoutRevision(kind, results.Current)));
            }
            Assert.False(results.MoveNext());
            Assert.Equal(Contents(single), Contents(whole));
        }
    });

    [Fact]
    public void An_all_or_nothing_batch_does_all_or_nothing() => Seeds.ForEach(100, seed =>
    {
        var generator = new CommandGenerator(seed);
        using var driver = new CommandDriver();
        using var plain = new CommandDriver();
        for (var i = 0UL; i < 60; i++)
        {
            generator.Revision = i;
            Pass(generator, driver, plain, i);
            using var command = new PooledBuffer();
            generator.EncodeBatch(command, allOrNothing: true);
            var before = driver.Records();
            if (new CommandResult(driver.ApplyRaw(command.Span)).Status != ResultStatus.Ok)
            {
                Assert.Equal(before, driver.Records());
                plain.Machine.ApplyEmpty(new AppliedPosition(plain.Index + 1, 1, 0), plain.Time);
                continue;
            }
            // Without the flag it would have done the same.
            command.WritableSpan[CommandEnvelope.Size] = 0;
            plain.ApplyRaw(command.Span);
            Assert.Equal(plain.Records(), driver.Records());
        }
    });

    private static void Pass(CommandGenerator generator, CommandDriver a, CommandDriver b, ulong i)
    {
        if (i % 5 == 0)
            generator.Time += generator.Random.Next(30);
        a.Time = b.Time = generator.Time;
    }

    private static List<(string, string, long)> Contents(CommandDriver driver) => driver.Records().ConvertAll(record => (record.Key, record.Value, record.Header.ExpireAt));

    // The revision of the record that was there before differs between the two, and only compare-and-set shows it in a body.
    private static string WithoutRevision(CommandKind kind, CommandResult result) =>
        Convert.ToHexString(kind == CommandKind.CompareAndSet && result.Status == ResultStatus.ConditionFailed ? result.Body[8..] : result.Body);

    // Half a gigabyte of zeros is within the limits, and no use here.
    private static bool ReachesFar(CommandKind kind, ReadOnlySpan<byte> body)
    {
        if (kind == CommandKind.SetRange)
            return SetRangeCommand.TryRead(body, out var range) && range.Offset is > 10_000 and <= CommandLimits.ValueCeiling;
        if (kind != CommandKind.Batch || !BatchCommand.TryRead(body, out var batch))
            return false;
        var parts = batch.Parts;
        for (var i = 0u; i < batch.ConditionCount; i++)
            BatchCommand.TryReadCondition(ref parts, out _, out _);
        for (var i = 0u; i < batch.CommandCount; i++)
        {
            BatchCommand.TryReadCommand(ref parts, out var inner, out var innerBody);
            if (inner != CommandKind.Batch && ReachesFar(inner, innerBody))
                return true;
        }
        return false;
    }

    private static void Damage(PooledBuffer command, Random random)
    {
        switch (random.Next(6))
        {
            case 0:
                command.SetLength(random.Next(command.Length + 1));
                break;
            case 1:
                for (var flips = random.Next(1, 4); flips > 0; flips--)
                    command.WritableSpan[random.Next(command.Length)] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                var junk = new byte[random.Next(1, 20)];
                random.NextBytes(junk);
                command.Write(junk);
                break;
            case 3:
                random.NextBytes(command.WritableSpan[random.Next(command.Length)..]);
                break;
            case 4:
                command.WritableSpan[0] = (byte)random.Next(256);
                break;
        }
    }
}
