using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Transport;

namespace RaftKv.Tests.Unit.Transport;

/// <summary>Keeps log lines.</summary>
internal sealed class LineLogger : ILogger<TcpTransport>
{
    public ConcurrentQueue<string> Lines { get; } = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Enqueue($"{logLevel}: {formatter(state, exception)}");
}
