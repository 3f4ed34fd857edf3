using System.Buffers;
using RaftKv.Consensus.Groups;
using RaftKv.Hosting;
using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>A caller that uses a tenant in every way that compiles: arguments from the edges of what is allowed and beyond, batches and tasks used as they must not be.</summary>
internal sealed class EmbeddedCaller(Tenant tenant, SeededRandom random, ulong seed)
{
    private readonly TenantBatch[] _batches = [tenant.CreateBatch(), tenant.CreateBatch(), tenant.CreateBatch()];

    /// <summary>Calls that ended well.</summary>
    public int Accepted { get; private set; }

    /// <summary>Calls that were refused as documented.</summary>
    public int Refused { get; private set; }

    public async Task RunAsync()
    {
        for (var step = 0; step < 25; step++)
        {
            try
            {
                await StepAsync();
                Accepted++;
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException or OperationCanceledException or RaftKvException or TestException)
            {
                Refused++;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"RAFTKV_SEED={seed}, step {step}: {e.GetType().Name}: {e.Message}", e);
            }
        }
    }

    private Task StepAsync() => random.Below(13) switch
    {
        0 or 1 => UseAsync(tenant.PutAsync(Key(), Value(), Write(), Token())),
        2 => UseAsync(tenant.GetAsync(Key(), Read(), Token())),
        3 => UseAsync(tenant.GetAsync(Key(), random.Below(3) == 0 ? new BrokenWriter() : new ArrayBufferWriter<byte>(), Read(), Token())),
        4 => UseAsync(tenant.DeleteAsync(Key(), new RequestOptions { Timeout = Timeout() }, Token())),
        5 => UseAsync(tenant.IncrementAsync(Key(), unchecked((long)random.Next()), Write(), Token())),
        6 => UseAsync(tenant.CompareAndSetAsync(Key(), random.Next(), Value(), Write(), Token())),
        7 => UseAsync(tenant.CompareAndSetAsync(Key(), Value(), Value(), Write(), Token())),
        8 => UseAsync(tenant.GetOutcomeAsync(new RequestId((uint)random.Below(3), random.Next() >> random.Below(64), random.Next() >> random.Below(64)), default, Token())),
        9 => ScanAsync(),
        10 => UseAsync(tenant.PutAsync(Text(), Text(), Write(), Token())),
        _ => BatchAsync(),
    };

    /// <summary>What callers do with a task, right or wrong.</summary>
    private async Task UseAsync<T>(ValueTask<T> task)
    {
        switch (random.Below(7))
        {
            case 0:
                await task;
                await task;
                break;
            case 1:
                _ = task.Result;
                break;
            case 2:
                var (a, b) = (Task.Run(async () => await task), Task.Run(async () => await task));
                await Task.WhenAll(a, b);
                break;
            case 3:
                break; // never awaited
            case 4:
                var blocking = task.AsTask();
                ((IAsyncResult)blocking).AsyncWaitHandle.WaitOne();
                await blocking;
                break;
            default:
                await task;
                break;
        }
    }

    private async Task BatchAsync()
    {
        var i = random.Below(_batches.Length);
        var batch = _batches[i];
        for (var parts = random.Below(4); parts > 0; parts--)
            NextChange()(batch);
        switch (random.Below(6))
        {
            case 0:
                batch.Dispose();
                _batches[i] = random.Below(2) == 0 ? tenant.CreateBatch() : batch;
                break;
            case 1:
                batch.Clear();
                break;
            case 2:
                var (first, second) = (NextChange(), NextChange());
                var (a, b) = (Task.Run(() => first(batch)), Task.Run(() => second(batch)));
                await Task.WhenAll(a, b);
                break;
        }

        var options = new RequestOptions { Timeout = Timeout() };
        if (random.Below(3) == 0)
            _ = UseAsync(tenant.BatchAsync(batch, options, Token())).ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
        await UseAsync(tenant.BatchAsync(batch, options, Token()));
        if (random.Below(2) == 0)
            batch.Clear();
    }

    private Action<TenantBatch> NextChange()
    {
        var (kind, key, value, write, revision) = (random.Below(5), Key(), Value(), Write(), random.Next() >> random.Below(64));
        return kind switch
        {
            0 => batch => batch.Require(key, revision),
            1 => batch => batch.Delete(key),
            2 => batch => batch.Increment(key, 1, write),
            _ => batch => batch.Put(key, value, write),
        };
    }

    private async Task ScanAsync()
    {
        var options = new ScanOptions { PageSize = random.Below(8) switch { 0 => -1, 1 => int.MaxValue, 2 => 1, _ => 0 }, KeysOnly = random.Below(2) == 0, Timeout = Timeout(), Consistency = Consistency() };
        var scan = random.Below(2) == 0 ? tenant.ScanAsync(Key(), options, Token()) : tenant.ScanRangeAsync(Key(), Key(), options, Token());
        var pairs = scan.GetAsyncEnumerator();
        for (var n = random.Below(20); n > 0 && await pairs.MoveNextAsync(); n--)
            _ = pairs.Current.Key.Length;
        if (random.Below(2) == 0)
            await pairs.DisposeAsync();
        if (random.Below(3) == 0)
            await pairs.MoveNextAsync();
    }

    private ReadOnlyMemory<byte> Key() => random.Below(12) switch
    {
        0 => default,
        1 => new byte[64 << 10],
        2 => new byte[(64 << 10) + 1],
        3 => new OddMemory(random.Below(40), random.Below(2) == 0).Memory,
        _ => "key"u8.ToArray().AsMemory(0, random.Below(4)),
    };

    private ReadOnlyMemory<byte> Value() => random.Below(40) switch
    {
        0 => new byte[(16 << 20) + 1],
        1 => new byte[random.Below(300_000)],
        2 => default,
        3 => new OddMemory(random.Below(1_000), random.Below(2) == 0).Memory,
        < 12 => "41"u8.ToArray(),
        _ => new byte[random.Below(200)],
    };

    private string Text() => random.Below(5) switch
    {
        0 => "a\uD800",
        1 => "\uDC00b",
        2 => "",
        3 => null!,
        _ => "key",
    };

    private WriteOptions Write() => random.Below(3) != 0 ? default : new WriteOptions
    {
        Condition = (WriteCondition)(random.Below(2) == 0 ? 0 : random.Below(5) - 1),
        ExpiresAfter = random.Below(2) == 0 ? null : Span(),
        KeepExpiry = random.Below(4) == 0,
        Timeout = Timeout(),
    };

    private ReadOptions Read() => new() { Consistency = Consistency(), Timeout = Timeout() };

    private ReadConsistency Consistency() => (ReadConsistency)(random.Below(8) == 0 ? random.Below(5) - 2 : random.Below(2));

    private TimeSpan? Timeout() => random.Below(4) == 0 ? Span() : null;

    private TimeSpan Span() => random.Below(8) switch
    {
        0 => TimeSpan.Zero,
        1 => TimeSpan.MinValue,
        2 => TimeSpan.MaxValue,
        3 => TimeSpan.FromTicks(1),
        4 => TimeSpan.FromMilliseconds(-1),
        5 => TimeSpan.FromMilliseconds(1),
        _ => TimeSpan.FromSeconds(20),
    };

    private CancellationToken Token() => random.Below(8) switch
    {
        0 => new CancellationToken(true),
        1 => new CancellationTokenSource(TimeSpan.FromMilliseconds(random.Below(3))).Token,
        _ => default,
    };

    /// <summary>Memory whose bytes are others each time it is asked, or that throws then.</summary>
    private sealed class OddMemory(int length, bool throws) : MemoryManager<byte>
    {
        private byte _fill;

        public override Memory<byte> Memory => CreateMemory(length);

        public override Span<byte> GetSpan()
        {
            if (throws)
                throw new TestException();
            var bytes = new byte[length];
            bytes.AsSpan().Fill(++_fill);
            return bytes;
        }

        public override MemoryHandle Pin(int elementIndex = 0) => throw new TestException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class BrokenWriter : IBufferWriter<byte>
    {
        public void Advance(int count) => throw new TestException();

        public Memory<byte> GetMemory(int sizeHint = 0) => throw new TestException();

        public Span<byte> GetSpan(int sizeHint = 0) => throw new TestException();
    }

    private sealed class TestException : Exception;
}
