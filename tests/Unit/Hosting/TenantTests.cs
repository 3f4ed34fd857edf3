using System.Buffers;
using System.Text;
using RaftKv.Consensus.Groups;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Sessions;
using RaftKv.Hosting;
using Xunit;
using OperationStatus = RaftKv.Consensus.Groups.OperationStatus;

namespace RaftKv.Tests.Unit.Hosting;

public sealed class TenantTests : IDisposable
{
    private readonly FakeExecutor _executor = new();
    private readonly Tenant _tenant;

    public TenantTests() => _tenant = new Tenant(_executor, 1, new CommandLimits { MaxKeyBytes = 100, MaxValueBytes = 1_000 }, TimeSpan.FromSeconds(5));

    public void Dispose() => _executor.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_put_is_got_with_its_revision_until_it_is_deleted(bool lease)
    {
        _executor.HasLease = lease;
        Assert.Null(await _tenant.GetAsync("k"));
        var put = await _tenant.PutAsync("k", "value");
        Assert.True(put.Written);
        var entry = await _tenant.GetAsync("k");
        Assert.Equal(("value", put.Revision, null), (entry?.Text, entry?.Revision, entry?.ExpiresAt));
        Assert.Equal("value", (await _tenant.GetAsync("k", new ReadOptions { Consistency = ReadConsistency.Stale }))?.Text);
        Assert.True(await _tenant.DeleteAsync("k"));
        Assert.False(await _tenant.DeleteAsync("k"));
        Assert.Null(await _tenant.GetAsync("k"));
    }

    [Fact]
    public async Task A_read_under_the_lease_asks_nobody()
    {
        await _tenant.PutAsync("k", "v");
        _executor.HasLease = true;
        var before = _executor.Submitted;
        await _tenant.GetAsync("k");
        Assert.Equal(before, _executor.Submitted);
        await _tenant.GetAsync("k", new ReadOptions { Consistency = ReadConsistency.Stale });
        Assert.Equal(before + 1, _executor.Submitted);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_value_is_read_into_the_callers_buffer(bool lease)
    {
        _executor.HasLease = lease;
        var put = await _tenant.PutAsync("k", "value");
        var into = new ArrayBufferWriter<byte>();
        Assert.Null(await _tenant.GetAsync("absent"u8.ToArray(), into));
        Assert.Equal(new EntryHeader(5, put.Revision, null), await _tenant.GetAsync("k"u8.ToArray(), into));
        Assert.Equal("value", Encoding.UTF8.GetString(into.WrittenSpan));
    }

    [Fact]
    public async Task A_condition_that_does_not_hold_is_a_result()
    {
        Assert.False((await _tenant.PutAsync("k", "1", new WriteOptions { Condition = WriteCondition.IfPresent })).Written);
        Assert.True((await _tenant.PutAsync("k", "1", new WriteOptions { Condition = WriteCondition.IfAbsent })).Written);
        var first = await _tenant.CompareAndSetAsync("k", "0", "2");
        Assert.False(first.Succeeded);
        Assert.Equal("1", Encoding.UTF8.GetString(first.Current.Span));
        var second = await _tenant.CompareAndSetAsync("k", first.Revision, "2");
        Assert.True(second.Succeeded);
        Assert.True((await _tenant.CompareAndSetAsync("k", "2", "3")).Succeeded);
        Assert.False((await _tenant.CompareAndDeleteAsync("k", second.Revision)).Succeeded);
        Assert.True((await _tenant.CompareAndSetAsync("new", 0, "x")).Succeeded);
    }

    [Fact]
    public async Task An_expiry_counts_from_the_leaders_time()
    {
        await _tenant.PutAsync("k", "v", new WriteOptions { ExpiresAfter = TimeSpan.FromSeconds(1) });
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(2_000), (await _tenant.GetAsync("k"))?.ExpiresAt);
        await _tenant.PutAsync("k", "w", new WriteOptions { KeepExpiry = true });
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(2_000), (await _tenant.GetAsync("k"))?.ExpiresAt);
        _executor.Time = 2_001;
        await _tenant.PutAsync("other", "v");
        Assert.Null(await _tenant.GetAsync("k"));
    }

    [Fact]
    public async Task Increments_add_up_and_refuse_text()
    {
        Assert.Equal(1, await _tenant.IncrementAsync("n"));
        Assert.Equal(-9, await _tenant.IncrementAsync("n", -10));
        await _tenant.PutAsync("n", "text");
        await Assert.ThrowsAsync<WrongValueException>(() => _tenant.IncrementAsync("n").AsTask());
    }

    [Fact]
    public async Task A_batch_is_done_whole_or_not_at_all()
    {
        var a = await _tenant.PutAsync("a", "1");
        using var batch = _tenant.CreateBatch();
        batch.Require("a", a.Revision).Require("b", 0).Put("b", "2").Delete("a").Increment("n", 5);
        var done = await _tenant.BatchAsync(batch);
        Assert.True(done.Succeeded);
        Assert.Equal(("2", done.Revision), ((await _tenant.GetAsync("b"))?.Text, (await _tenant.GetAsync("b"))?.Revision));
        Assert.Null(await _tenant.GetAsync("a"));
        var again = await _tenant.BatchAsync(batch);
        Assert.Equal(new BatchOutcome(false, 0, 0), again);
        batch.Clear();
        batch.Put("x", "1").Increment("b").Put("text", "t").Increment("text");
        await Assert.ThrowsAsync<WrongValueException>(() => _tenant.BatchAsync(batch).AsTask());
        Assert.Null(await _tenant.GetAsync("x"));
        Assert.Equal("2", (await _tenant.GetAsync("b"))?.Text);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(0)]
    public async Task Scans_list_prefixes_and_ranges_in_order(int pageSize)
    {
        foreach (var key in new[] { "a", "b1", "b2", "b3", "b4", "c" })
            await _tenant.PutAsync(key, "value of " + key);
        var options = new ScanOptions { PageSize = pageSize };
        Assert.Equal(["b1", "b2", "b3", "b4"], await Names(_tenant.ScanAsync("b", options)));
        Assert.Equal(["b2", "b3", "b4"], await Names(_tenant.ScanRangeAsync("b2", "c", options)));
        Assert.Equal(["b4", "c"], await Names(_tenant.ScanRangeAsync("b4", "", options)));
        Assert.Equal(6, (await Names(_tenant.ScanAsync("", options with { KeysOnly = true }))).Count);
        await foreach (var pair in _tenant.ScanAsync("c", options))
            Assert.Equal("value of c", pair.Entry.Text);
    }

    [Fact]
    public async Task What_is_out_of_bounds_is_refused_before_it_is_submitted()
    {
        var before = _executor.Submitted;
        Assert.Contains("101 bytes", (await Assert.ThrowsAsync<ArgumentException>(() => _tenant.GetAsync(new string('k', 101)).AsTask())).Message, StringComparison.Ordinal);
        Assert.Contains("1001 bytes", (await Assert.ThrowsAsync<ArgumentException>(() => _tenant.PutAsync("k", new string('v', 1_001)).AsTask())).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => _tenant.PutAsync("k", "v", new WriteOptions { ExpiresAfter = TimeSpan.Zero }).AsTask());
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => _tenant.PutAsync("k", "v", new WriteOptions { Timeout = TimeSpan.Zero }).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => _tenant.PutAsync("k", "v", new WriteOptions { KeepExpiry = true, ExpiresAfter = TimeSpan.FromSeconds(1) }).AsTask());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _tenant.PutAsync("k", "v", cancellationToken: new CancellationToken(true)).AsTask());
        Assert.Equal(before, _executor.Submitted);
    }

    [Fact]
    public async Task The_deadline_is_the_options_or_the_nodes()
    {
        await _tenant.PutAsync("k", "v");
        Assert.Equal(_executor.Now + 5_000_000_000, _executor.LastDeadline);
        await _tenant.PutAsync("k", "v", new WriteOptions { Timeout = TimeSpan.FromMilliseconds(3) });
        Assert.Equal(_executor.Now + 3_000_000, _executor.LastDeadline);
        await _tenant.PutAsync("k", "v", new WriteOptions { Timeout = TimeSpan.MaxValue });
        Assert.True(_executor.LastDeadline > _executor.Now);
    }

    [Fact]
    public async Task Ends_are_told_apart_honestly()
    {
        _executor.EndAs = OperationStatus.Unavailable;
        Assert.Contains("the test says so", (await Assert.ThrowsAsync<UnavailableException>(() => _tenant.GetAsync("k").AsTask())).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<UnavailableException>(() => _tenant.PutAsync("k", "v").AsTask());
        _executor.EndAs = OperationStatus.OutcomeUnknown;
        var unknown = await Assert.ThrowsAsync<OutcomeUnknownException>(() => _tenant.PutAsync("k", "v").AsTask());
        _executor.EndAs = null;
        Assert.Equal(OutcomeKind.NeverApplied, (await _tenant.GetOutcomeAsync(unknown.Request)).Kind);
    }

    [Fact]
    public async Task The_outcome_of_a_write_can_be_asked_for()
    {
        await _tenant.PutAsync("k", "v");
        var request = new RequestId(1, 1, 1);
        Assert.Equal(new Outcome(OutcomeKind.Committed, 2, true), await _tenant.GetOutcomeAsync(request));
        await _tenant.PutAsync("k", "v", new WriteOptions { Condition = WriteCondition.IfAbsent });
        var refused = await _tenant.GetOutcomeAsync(request with { Sequence = 3 });
        Assert.Equal((OutcomeKind.Committed, false), (refused.Kind, refused.TookEffect));
        Assert.Equal(OutcomeKind.Unknown, (await _tenant.GetOutcomeAsync(request with { Session = 99 })).Kind);
        await Assert.ThrowsAsync<ArgumentException>(() => _tenant.GetOutcomeAsync(request with { Group = 2 }).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => _tenant.GetOutcomeAsync(request with { Sequence = ulong.MaxValue }).AsTask());
    }

    [Fact]
    public async Task A_caller_that_stops_waiting_leaves_its_write_to_go_on()
    {
        _executor.Hold = true;
        using var stop = new CancellationTokenSource();
        var put = _tenant.PutAsync("k", "v", cancellationToken: stop.Token).AsTask();
        Assert.False(put.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => put);
        // Others use operations of the pool meanwhile; the one left behind must not be among them.
        var others = Enumerable.Range(0, 20).Select(i => _tenant.PutAsync("other" + i, "x").AsTask()).ToList();
        _executor.LetGo();
        await Task.WhenAll(others);
        Assert.Equal("v", (await _tenant.GetAsync("k"))?.Text);
    }

    [Fact]
    public async Task Cancelling_and_completing_at_once_ends_each_wait_once()
    {
        for (var i = 0; i < 300; i++)
        {
            _executor.Hold = true;
            using var stop = new CancellationTokenSource();
            var put = _tenant.PutAsync("k" + i, "v", cancellationToken: stop.Token).AsTask();
            var letGo = Task.Run(_executor.LetGo);
            await stop.CancelAsync();
            await letGo;
            try
            {
                Assert.True((await put).Written);
            }
            catch (OperationCanceledException)
            {
                // The cancellation came first; the write was done all the same.
            }
            Assert.Equal("v", (await _tenant.GetAsync("k" + i))?.Text);
        }
    }

    [Fact]
    public async Task Continuations_do_not_run_on_the_completing_thread()
    {
        _executor.Hold = true;
        var put = Continue();
        var thread = new Thread(_executor.LetGo);
        thread.Start();
        var id = thread.ManagedThreadId;
        thread.Join();
        Assert.NotEqual(id, await put);

        async Task<int> Continue()
        {
            await _tenant.PutAsync("k", "v");
            return Environment.CurrentManagedThreadId;
        }
    }

    [Fact]
    public async Task A_read_under_the_lease_into_the_callers_buffer_allocates_nothing()
    {
        await _tenant.PutAsync("k", "value");
        _executor.HasLease = true;
        var (key, into) = ((ReadOnlyMemory<byte>)"k"u8.ToArray(), new ArrayBufferWriter<byte>(64));
        Assert.Equal(0, Measure());

        long Measure()
        {
            Read(2_000);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Read(2_000);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        void Read(int count)
        {
            for (var i = 0; i < count; i++)
            {
                into.ResetWrittenCount();
                var read = _tenant.GetAsync(key, into);
                Assert.True(read.IsCompletedSuccessfully && read.Result?.Length == 5);
            }
        }
    }

    private static async Task<List<string>> Names(IAsyncEnumerable<KeyEntry> pairs)
    {
        var names = new List<string>();
        await foreach (var pair in pairs)
            names.Add(pair.Name);
        return names;
    }
}
