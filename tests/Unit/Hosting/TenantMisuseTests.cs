using System.Buffers;
using RaftKv.Consensus.Groups;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Hosting;
using RaftKv.Hosting.Requests;
using Xunit;

#pragma warning disable CA2012 // tasks are used here as they must not be

namespace RaftKv.Tests.Unit.Hosting;

/// <summary>What a caller does wrong is told to that caller, at the call where it can be, and harms nobody else.</summary>
public sealed class TenantMisuseTests : IDisposable
{
    // A result that went to somebody else never comes.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly FakeExecutor _executor = new();
    private readonly Tenant _tenant;

    public TenantMisuseTests() => _tenant = new Tenant(_executor, 1, new CommandLimits { MaxKeyBytes = 100, MaxValueBytes = 1_000 }, TimeSpan.FromSeconds(5));

    public void Dispose() => _executor.Dispose();

    [Fact]
    public async Task A_batch_that_cannot_be_sent_is_refused_at_the_call()
    {
        var batch = _tenant.CreateBatch();
        Assert.Contains("empty", Assert.Throws<InvalidOperationException>(() => _tenant.BatchAsync(batch)).Message, StringComparison.Ordinal);
        Assert.True((await _tenant.BatchAsync(batch.Require("k", 0))).Succeeded);
        batch.Put("k", "v").Clear();
        Assert.Throws<InvalidOperationException>(() => _tenant.BatchAsync(batch));
        batch.Put("k", "v").Dispose();
        batch.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _tenant.BatchAsync(batch));
        Assert.Throws<ObjectDisposedException>(() => batch.Put("k", "v"));
        Assert.Throws<ObjectDisposedException>(() => batch.Delete("k"));
        Assert.Throws<ObjectDisposedException>(() => batch.Increment("k"));
        Assert.Throws<ObjectDisposedException>(() => batch.Require("k", 1));
        Assert.Throws<ObjectDisposedException>(batch.Clear);
        Assert.Throws<ArgumentNullException>(() => _tenant.BatchAsync(null!));
    }

    [Fact]
    public void A_batch_ends_where_a_command_must()
    {
        var tenant = new Tenant(_executor, 1, new CommandLimits(), TimeSpan.FromSeconds(5));
        using var batch = tenant.CreateBatch();
        var value = new byte[8 << 20];
        batch.Put("a"u8.ToArray(), value).Put("b"u8.ToArray(), value).Put("c"u8.ToArray(), value);
        Assert.Contains("33554432", Assert.Throws<LimitExceededException>(() => batch.Put("d"u8.ToArray(), value)).Message, StringComparison.Ordinal);
        Assert.Equal(3, batch.Count);
        var large = new byte[16 << 20];
        Assert.Throws<LimitExceededException>(() => tenant.CompareAndSetAsync("k"u8.ToArray(), large, large));
        Assert.Equal(0, _executor.Submitted);
    }

    [Fact]
    public async Task A_batch_that_two_threads_use_is_refused_to_the_second()
    {
        using var batch = _tenant.CreateBatch();
        var refused = 0;
        // The batch asks for the bytes in the middle of a call: there another thread comes in.
        using var value = new MemoryThatIsAskedFor(() =>
        {
            var other = new Thread(() =>
            {
                foreach (var use in new Action[] { () => batch.Put("b", "2"), batch.Clear, batch.Dispose, () => _tenant.BatchAsync(batch) })
                {
                    Assert.Contains("another thread", Assert.Throws<InvalidOperationException>(use).Message, StringComparison.Ordinal);
                    refused++;
                }
            });
            other.Start();
            other.Join();
        });
        batch.Put("a"u8.ToArray(), value.Memory);
        Assert.Equal(4, refused);
        Assert.True((await _tenant.BatchAsync(batch)).Succeeded);
        Assert.Equal((1, "of the manager"), (batch.Count, (await _tenant.GetAsync("a"))?.Text));
    }

    [Fact]
    public async Task A_batch_is_copied_when_it_is_sent()
    {
        _executor.Hold = true;
        var batch = _tenant.CreateBatch().Put("a", "1");
        var sent = _tenant.BatchAsync(batch);
        var again = _tenant.BatchAsync(batch.Put("b", "2"));
        batch.Clear();
        batch.Put("c", "3").Dispose();
        _executor.LetGo();
        Assert.True((await sent).Succeeded && (await again).Succeeded);
        Assert.Equal(("1", "2", null), ((await _tenant.GetAsync("a"))?.Text, (await _tenant.GetAsync("b"))?.Text, (await _tenant.GetAsync("c"))?.Text));
    }

    [Fact]
    public async Task A_task_that_is_awaited_twice_harms_nobody()
    {
        for (var i = 0; i < 20; i++)
        {
            var first = _tenant.IncrementAsync("mine", 1);
            await first;
            _executor.Hold = true;
            // More than the pool holds, so that the operation that was awaited is among theirs.
            var others = Enumerable.Range(0, 500).Select(n => _tenant.IncrementAsync($"n{i}-{n}", n).AsTask()).ToList();
            Assert.Throws<InvalidOperationException>(() => first.GetAwaiter().GetResult());
            await Assert.ThrowsAsync<InvalidOperationException>(() => first.AsTask().WaitAsync(Patience));
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await first);
            others.AddRange(Enumerable.Range(500, 500).Select(n => _tenant.IncrementAsync($"n{i}-{n}", n).AsTask()));
            _executor.LetGo();
            Assert.Equal(Enumerable.Range(0, 1000).Select(n => (long)n), await Task.WhenAll(others).WaitAsync(Patience));
        }
    }

    /// <summary>An operation in the pool knew its tenant by what had read its result, and that its node with all its memory.</summary>
    [Fact]
    public async Task What_was_asked_of_a_tenant_does_not_keep_it_in_memory()
    {
        var tenant = await AskOfAnotherAsync();
        // The method that asked may still be on some stack.
        for (var i = 0; i < 100 && tenant.IsAlive; i++)
        {
            await Task.Yield();
            GC.Collect();
        }

        Assert.False(tenant.IsAlive);

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static async Task<WeakReference> AskOfAnotherAsync()
        {
            var executor = new FakeExecutor();
            var other = new Tenant(executor, 1, new CommandLimits(), TimeSpan.FromSeconds(5));
            await other.PutAsync("k", "v");
            await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => other.GetAsync("k").AsTask()));
            await foreach (var entry in other.ScanAsync(""))
                Assert.Equal(1, entry.Key.Length);
            return new WeakReference(executor);
        }
    }

    /// <summary>The tokens that tell an operation's lives apart have 16 bits.</summary>
    [Fact]
    public async Task A_task_that_is_awaited_again_after_65_536_others_harms_nobody()
    {
        var stale = AskAsync(1);
        await stale;
        for (var i = 0; i < (1 << 16) - 1; i++)
            await AskAsync(2);
        var other = AskAsync(3);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await stale);
        Assert.Equal(new Answer(3), await other);

        // Of a type of its own, and one at a time: all are lives of one operation.
        ValueTask<Answer> AskAsync(int number)
        {
            var operation = PendingOperation<Answer>.Rent();
            operation.Group = 1;
            operation.Kind = OperationKind.Read;
            GetCommand.Encode(operation.Command, "k"u8);
            return operation.RunAsync(_executor, _ => new Answer(number), CancellationToken.None);
        }
    }

    private sealed record Answer(int Number);

    [Fact]
    public async Task A_result_that_is_taken_by_several_threads_at_once_is_given_to_one()
    {
        for (var i = 0; i < 200; i++)
        {
            var put = _tenant.IncrementAsync("k" + i, 7);
            var took = 0;
            while (!put.IsCompleted)
                await Task.Yield();
            var start = new Barrier(3);
            await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
            {
                start.SignalAndWait();
                try
                {
                    Assert.Equal(7, put.GetAwaiter().GetResult());
                    Interlocked.Increment(ref took);
                }
                catch (InvalidOperationException)
                {
                    // It came second.
                }
            })));
            Assert.Equal(1, took);
        }
    }

    [Fact]
    public async Task A_task_that_two_await_before_its_end_is_given_to_one()
    {
        for (var i = 0; i < 50; i++)
        {
            _executor.Hold = true;
            var put = _tenant.IncrementAsync("k" + i, 7);
            var first = AwaitAsync(put);
            var second = i % 2 == 0 ? AwaitAsync(put) : put.AsTask();
            await Assert.ThrowsAsync<InvalidOperationException>(() => second.WaitAsync(Patience));
            _executor.LetGo();
            Assert.Equal(7, await first.WaitAsync(Patience));
        }

        static async Task<long> AwaitAsync(ValueTask<long> task) => await task;
    }

    [Fact]
    public async Task A_result_that_is_asked_for_too_early_can_still_be_awaited()
    {
        _executor.Hold = true;
        var put = _tenant.PutAsync("k", "v");
        Assert.Contains("AsTask()", Assert.Throws<InvalidOperationException>(() => put.GetAwaiter().GetResult()).Message, StringComparison.Ordinal);
        _executor.LetGo();
        Assert.True((await put).Written);
    }

    [Fact]
    public async Task Memory_is_the_callers_again_when_the_call_returns()
    {
        _executor.Hold = true;
        byte[] key = [.. "key"u8], value = [.. "value"u8];
        var put = _tenant.PutAsync(key, value);
        key.AsSpan().Clear();
        value.AsSpan().Clear();
        _executor.LetGo();
        await put;
        Assert.Equal("value", (await _tenant.GetAsync("key"))?.Text);
        byte[] prefix = [.. "k"u8];
        var scan = _tenant.ScanAsync(prefix);
        prefix[0] = (byte)'x';
        var found = 0;
        await foreach (var pair in scan)
            found += pair.Name == "key" ? 1 : 0;
        Assert.Equal(1, found);
    }

    [Fact]
    public async Task What_a_callers_buffer_throws_goes_to_that_caller()
    {
        await _tenant.PutAsync("k", "v");
        foreach (var lease in new[] { true, false })
        {
            _executor.HasLease = lease;
            await Assert.ThrowsAsync<NotSupportedException>(async () => await _tenant.GetAsync("k"u8.ToArray(), new BrokenWriter()));
            Assert.Equal("v", (await _tenant.GetAsync("k"))?.Text);
        }
    }

    [Fact]
    public void Text_that_is_not_valid_UTF_16_names_no_key()
    {
        var before = _executor.Submitted;
        using var batch = _tenant.CreateBatch();
        foreach (var use in new Action<string>[]
        {
            t => _tenant.GetAsync(t), t => _tenant.PutAsync(t, "v"), t => _tenant.PutAsync("k", t), t => _tenant.DeleteAsync(t), t => _tenant.IncrementAsync(t),
            t => _tenant.CompareAndSetAsync(t, 0, "v"), t => _tenant.CompareAndSetAsync("k", 0, t), t => _tenant.CompareAndSetAsync("k", t, "v"), t => _tenant.CompareAndSetAsync("k", "v", t),
            t => _tenant.CompareAndDeleteAsync(t, 1), t => _tenant.ScanAsync(t), t => _tenant.ScanRangeAsync(t, ""), t => _tenant.ScanRangeAsync("", t),
            t => batch.Put(t, "v"), t => batch.Put("k", t), t => batch.Delete(t), t => batch.Increment(t), t => batch.Require(t, 0),
        })
        {
            foreach (var text in new[] { "ab\uD800", "ab\uD800c", "ab\uDC00d" })
                Assert.Contains("position 2", Assert.Throws<ArgumentException>(() => use(text)).Message, StringComparison.Ordinal);
            Assert.Throws<ArgumentNullException>(() => use(null!));
        }

        Assert.Equal((before, 0), (_executor.Submitted, batch.Count));
    }

    [Fact]
    public async Task An_increment_obeys_its_expiry_alone_and_in_a_batch()
    {
        var inASecond = new WriteOptions { ExpiresAfter = TimeSpan.FromSeconds(1) };
        await _tenant.IncrementAsync("n", 5, inASecond);
        Assert.Equal(2_000, (await _tenant.GetAsync("n"))?.ExpiresAt?.ToUnixTimeMilliseconds());
        _executor.Time = 1_500;
        await _tenant.IncrementAsync("n");
        Assert.Equal(2_000, (await _tenant.GetAsync("n"))?.ExpiresAt?.ToUnixTimeMilliseconds());
        using var batch = _tenant.CreateBatch().Increment("n", 1, inASecond).Increment("m", 1, inASecond).Put("p", "v", inASecond);
        await _tenant.BatchAsync(batch);
        foreach (var key in new[] { "n", "m", "p" })
            Assert.Equal(2_500, (await _tenant.GetAsync(key))?.ExpiresAt?.ToUnixTimeMilliseconds());
        _executor.Time = 2_501;
        await _tenant.PutAsync("else", "v");
        Assert.Null(await _tenant.GetAsync("n"));
    }

    [Fact]
    public void An_option_that_cannot_be_obeyed_is_refused()
    {
        var ifAbsent = new WriteOptions { Condition = WriteCondition.IfAbsent };
        using var batch = _tenant.CreateBatch();
        foreach (var use in new Action[]
        {
            () => _tenant.IncrementAsync("n", 1, ifAbsent), () => _tenant.CompareAndSetAsync("k", 0, "v", ifAbsent), () => batch.Increment("n", 1, ifAbsent),
            () => batch.Put("k", "v", new WriteOptions { Timeout = TimeSpan.FromSeconds(1) }), () => batch.Increment("n", 1, new WriteOptions { Timeout = TimeSpan.FromSeconds(1) }),
            () => _tenant.IncrementAsync("n", 1, new WriteOptions { KeepExpiry = true, ExpiresAfter = TimeSpan.FromSeconds(1) }),
        })
            Assert.Throws<ArgumentException>(use);
        Assert.Throws<ArgumentOutOfRangeException>(() => _tenant.GetAsync("k", new ReadOptions { Consistency = (ReadConsistency)7 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tenant.ScanAsync("k", new ScanOptions { Consistency = (ReadConsistency)7 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tenant.ScanAsync("k", new ScanOptions { PageSize = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => _tenant.PutAsync("k", "v", new WriteOptions { Condition = (WriteCondition)9 }));
        Assert.Equal((0, 0), (_executor.Submitted, batch.Count));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_token_that_has_fired_means_the_same_whoever_leads(bool lease)
    {
        await _tenant.PutAsync("k", "v");
        _executor.HasLease = lease;
        var before = _executor.Submitted;
        var fired = new CancellationToken(true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _tenant.GetAsync("k", default, fired));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _tenant.GetAsync("k"u8.ToArray(), new ArrayBufferWriter<byte>(), default, fired));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _tenant.DeleteAsync("k", default, fired));
        Assert.Equal(before, _executor.Submitted);
    }

    private sealed class MemoryThatIsAskedFor(Action asked) : MemoryManager<byte>
    {
        private readonly byte[] _bytes = [.. "of the manager"u8];
        private bool _wasAsked;

        public override Span<byte> GetSpan()
        {
            if (!_wasAsked)
            {
                _wasAsked = true;
                asked();
            }

            return _bytes;
        }

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        // The length must be known without the bytes.
        public override Memory<byte> Memory => CreateMemory(_bytes.Length);

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class BrokenWriter : IBufferWriter<byte>
    {
        public void Advance(int count) => throw new NotSupportedException();

        public Memory<byte> GetMemory(int sizeHint = 0) => throw new NotSupportedException();

        public Span<byte> GetSpan(int sizeHint = 0) => throw new NotSupportedException();
    }
}
