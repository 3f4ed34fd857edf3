using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using RaftKv.Hosting;
using Xunit;

namespace RaftKv.Tests.Unit.Hosting;

/// <summary>What an application may get wrong when it starts a node: a clear refusal, or no harm.</summary>
public sealed class StartMisuseTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("raftkv-start-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(9_999)]
    public void Heartbeats_that_would_keep_a_core_busy_are_refused(long ticks)
    {
        var options = Options();
        options.HeartbeatInterval = TimeSpan.FromTicks(ticks);
        Assert.Contains("1 ms to a third of LeaderLeaseDuration", Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);
        options.HeartbeatInterval = TimeSpan.FromMilliseconds(1);
        options.Validate();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0xd800)]
    [InlineData(0xdc00)]
    public void A_data_directory_whose_path_the_system_would_be_given_otherwise_is_refused(int character)
    {
        var options = Options();
        options.DataDirectory = $"/tmp/a{(char)character}b";
        Assert.StartsWith("DataDirectory is ", Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);
        options.DataDirectory = "/tmp/\U0001F600";
        options.Validate();
    }

    [Fact]
    public async Task A_start_that_the_file_system_refuses_names_the_data_directory()
    {
        var file = Path.Combine(_directory, "file");
        await File.WriteAllTextAsync(file, "x");
        foreach (var path in new[] { Path.Combine(file, "below"), Path.Combine(_directory, new string('a', 256)) })
        {
            var options = Options();
            options.DataDirectory = path;
            var refusal = await Assert.ThrowsAsync<RaftKvStartException>(() => RaftKvNode.StartAsync(options));
            Assert.StartsWith($"data directory {path} cannot be used: ", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Loggers_that_throw_cost_their_messages_only(bool atOnce)
    {
        for (var round = 1; round <= 2; round++)
        {
            var loggers = new ThrowingLoggers(atOnce);
            var node = await RaftKvNode.StartAsync(Options(), loggers);
            Assert.Equal(round, await node.DefaultTenant.IncrementAsync("n"));
            await node.FirstReady;
            await node.StopAsync();
            Assert.True(loggers.Thrown > 0);
            Assert.False(node.Failure.IsCompleted);
        }
    }

    private static string FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener.LocalEndpoint.ToString()!;
    }

    private RaftKvOptions Options() => new()
    {
        NodeName = "n1",
        DataDirectory = Path.Combine(_directory, "n1"),
        Members = [new RaftKvMember("n1", FreeAddress())],
        Groups = 1,
        Shards = 1,
        StoreMemoryBytes = 128 << 20,
        LogSegmentBytes = 4 << 20,
        RequestTimeout = TimeSpan.FromSeconds(30),
    };

    private sealed class ThrowingLoggers(bool atOnce) : ILoggerFactory, ILogger
    {
        private int _thrown;

        public int Thrown => Volatile.Read(ref _thrown);

        public ILogger CreateLogger(string categoryName) => atOnce ? throw Next() : this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => throw Next();

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => throw Next();

        public void Dispose()
        {
        }

        private InvalidOperationException Next()
        {
            Interlocked.Increment(ref _thrown);
            return new InvalidOperationException("this logger throws");
        }
    }
}
