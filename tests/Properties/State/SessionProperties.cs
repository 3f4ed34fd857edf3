using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Sessions;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Properties.State;

public class SessionProperties
{
    [Fact]
    public void Machines_that_restart_or_move_at_random_points_stay_equal_to_one_that_does_not() => Seeds.ForEach(15, seed =>
    {
        var generator = new CommandGenerator(seed);
        var random = generator.Random;
        using var steady = new CommandDriver();
        using var restless = new CommandDriver();
        var clients = new List<Client>();
        // Some seeds live long enough, or jump far enough, for windows to wrap and sessions to die of idleness.
        var (stride, hour) = (random.Next(3) == 0 ? 9_000 : 3, random.Next(3) == 0);
        for (var i = 0; i < 400; i++)
        {
            if (clients.Count == 0 || random.Next(40) == 0)
            {
                clients.Add(new Client(steady.OpenSession()));
                Assert.Equal(clients[^1].Session, restless.OpenSession());
            }
            generator.Revision = (ulong)i;
            generator.Time += random.Next(hour ? 200_000 : 20);
            steady.Time = restless.Time = generator.Time;
            using var command = new PooledBuffer();
            Draw(generator, clients[random.Next(clients.Count)], stride, command);
            Assert.Equal(steady.ApplyRaw(command.Span), restless.ApplyRaw(command.Span));
            switch (random.Next(30))
            {
                case 0:
                    restless.Restart();
                    break;
                case 1:
                    restless.MoveBySnapshot();
                    break;
                case 2:
                    restless.Machine.SaveSessions();
                    break;
                case 3:
                    Assert.Equal(steady.Hash(), restless.Hash());
                    break;
            }
        }
        Assert.Equal(steady.Hash(), restless.Hash());
    });

    [Fact]
    public void Requests_sent_again_and_out_of_order_take_effect_once() => Seeds.ForEach(40, seed =>
    {
        var random = new Random(seed);
        using var driver = new CommandDriver();
        var session = driver.OpenSession();
        var sent = new Queue<ulong>();
        var (next, settled) = (1UL, new Dictionary<ulong, (ResultStatus, long)>());
        for (var i = 0; i < 600; i++)
        {
            var sequence = sent.Count > 0 && random.Next(3) != 0 ? sent.ElementAt(random.Next(sent.Count)) : next++;
            if (!sent.Contains(sequence))
                sent.Enqueue(sequence);
            var status = random.Next(10) == 0 ? Resolve(driver, session, sequence, settled) : Increment(driver, session, sequence, settled);
            Assert.True(status);
            if (sent.Count > 64)
                sent.Dequeue();
            if (random.Next(50) == 0)
                driver.Restart();
        }
        var applied = settled.Values.Count(outcome => outcome.Item1 == ResultStatus.Ok);
        Assert.Equal(applied, new CommandResult(driver.Apply(into => IncrementCommand.Encode(into, "n"u8, 0))).Number);
    });

    private static bool Increment(CommandDriver driver, ulong session, ulong sequence, Dictionary<ulong, (ResultStatus Status, long Number)> settled)
    {
        var result = new CommandResult(driver.Apply(into => IncrementCommand.Encode(into, "n"u8, 1), session, sequence));
        var outcome = (result.Status, result.Status == ResultStatus.Ok ? result.Number : 0);
        return settled.TryAdd(sequence, outcome) || settled[sequence] == outcome;
    }

    private static bool Resolve(CommandDriver driver, ulong session, ulong sequence, Dictionary<ulong, (ResultStatus Status, long Number)> settled)
    {
        var result = new CommandResult(driver.Apply(into => ResolveOutcomeCommand.Encode(into, session, sequence)));
        var known = settled.TryGetValue(sequence, out var outcome) && outcome.Status == ResultStatus.Ok;
        if (!known)
            settled[sequence] = (ResultStatus.Cancelled, 0);
        return result.Outcome == (known ? RequestOutcome.Applied : RequestOutcome.NeverApplied);
    }

    private static void Draw(CommandGenerator generator, Client client, int stride, PooledBuffer command)
    {
        var random = generator.Random;
        switch (random.Next(12))
        {
            case 0:
                ResolveOutcomeCommand.Encode(command, client.Session, client.Guess(random));
                return;
            case 1 or 2:
                // A retry, with other content: what was recorded must answer it.
                generator.Encode(command);
                CommandEnvelope.Stamp(command.WritableSpan, client.Session, client.Guess(random), 0);
                return;
        }
        generator.Encode(command);
        client.Next += (ulong)random.Next(1, stride);
        CommandEnvelope.Stamp(command.WritableSpan, client.Session, client.Next, random.Next(3) == 0 ? client.Guess(random) : 0);
    }

    private sealed class Client(ulong session)
    {
        public ulong Session => session;

        public ulong Next { get; set; }

        public ulong Guess(Random random) => (ulong)Math.Max(1, (long)Next - random.Next(100) + 3);
    }
}
