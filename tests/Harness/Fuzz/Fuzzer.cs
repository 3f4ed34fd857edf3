using System.Text;
using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Harness.Fuzz;

/// <summary>What is fuzzed, and what it may do.</summary>
public sealed record FuzzTarget
{
    /// <summary>Valid inputs, made by the encoders that the product uses.</summary>
    public required IReadOnlyList<byte[]> Corpus { get; init; }

    /// <summary>Reads an input; whether it accepted it.</summary>
    public required Func<byte[], bool> Read { get; init; }

    /// <summary>The exceptions that refuse an input as documented. Any other is a bug.</summary>
    public IReadOnlyList<Type> Refusals { get; init; } = [];

    /// <summary>Makes the checksums of an input right again: without it, nothing behind them would ever be reached. Used on two of three inputs.</summary>
    public Func<byte[], byte[]>? Reseal { get; init; }

    /// <summary>Bytes that one reading may allocate, whatever the input says.</summary>
    public long FixedBytes { get; init; } = 64 << 10;

    /// <summary>Bytes that it may allocate for each byte of input.</summary>
    public int BytesPerByte { get; init; } = 16;
}

/// <summary>
/// Feeds a parser with mutated inputs. A case fails if it throws anything but a documented refusal, allocates more than in proportion to its input, or does not end.
/// RAFTKV_CASES sets how many cases, RAFTKV_SEED replays one.
/// </summary>
public static class Fuzzer
{
    // Not a limit on how fast a case is: a machine may be slow, but a case that has not moved in all this time never ends.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Runs the cases.</summary>
    public static void Run(FuzzTarget target, int byDefault)
    {
        var state = new State();
        var worker = new Thread(() => Work(target, CaseCount.Seeds(byDefault), state), maxStackSize: 16 << 20) { IsBackground = true, Name = "fuzz" };
        worker.Start();
        for (var seen = -1L; !worker.Join(Patience); seen = Interlocked.Read(ref state.Cases))
        {
            if (Interlocked.Read(ref state.Cases) == seen)
                throw new TimeoutException($"RAFTKV_SEED={state.Seed}: a case did not end");
        }

        if (state.Failure is not null)
            throw state.Failure;
        // A fuzzer whose inputs are all refused, or all accepted, looks at nothing.
        if (state.Cases >= 500 && (state.Accepted == 0 || state.Refused == 0))
            throw new InvalidOperationException($"of {state.Cases} inputs {state.Accepted} were accepted and {state.Refused} refused: this proves nothing");
    }

    private static void Work(FuzzTarget target, IEnumerable<ulong> seeds, State state)
    {
        // What a first call allocates (types, delegates, pools) is not the input's doing; and what is in the corpus must be readable at all.
        for (var round = 0; round < 2; round++)
        {
            foreach (var input in target.Corpus)
                Try(target, input, state);
        }

        (state.Accepted, state.Refused) = (0, 0);
        foreach (var seed in seeds)
        {
            state.Seed = seed;
            var random = new SeededRandom(seed);
            var input = new Mutator(random, target.Corpus).Next();
            if (target.Reseal is not null && random.Below(3) != 0)
                input = target.Reseal(input);
            Try(target, input, state);
            Interlocked.Increment(ref state.Cases);
            if (state.Failure is not null)
                return;
        }
    }

    private static void Try(FuzzTarget target, byte[] input, State state)
    {
        var allowed = target.FixedBytes + ((long)input.Length * target.BytesPerByte);
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            if (target.Read(input))
                state.Accepted++;
            else
                state.Refused++;
        }
        catch (Exception e) when (target.Refusals.Contains(e.GetType()))
        {
            state.Refused++;
        }
        catch (Exception e)
        {
            state.Failure ??= Failed(state.Seed, input, $"{e.GetType().Name}: {e.Message}", e);
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > allowed && state.Seed != 0)
            state.Failure ??= Failed(state.Seed, input, $"{allocated} bytes were allocated, {allowed} are allowed", null);
    }

    private static InvalidOperationException Failed(ulong seed, byte[] input, string what, Exception? inner)
    {
        var text = new StringBuilder($"RAFTKV_SEED={seed}, an input of {input.Length} bytes: {what}\n");
        text.Append("it begins, in base64: ").Append(Convert.ToBase64String(input.AsSpan(0, Math.Min(input.Length, 150))));
        if (inner is not null)
            text.Append('\n').Append(inner.StackTrace);
        return new InvalidOperationException(text.ToString());
    }

    private sealed class State
    {
        public long Cases;

        public ulong Seed { get; set; }

        public long Accepted { get; set; }

        public long Refused { get; set; }

        public InvalidOperationException? Failure { get; set; }
    }
}
