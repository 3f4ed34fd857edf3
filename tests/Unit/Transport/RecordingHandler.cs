using System.Text;
using System.Threading.Channels;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;
using Xunit;

namespace RaftKv.Tests.Unit.Transport;

/// <summary>Turns a transport's calls into a sequence that a test awaits. The time limit is only a bound on failure.</summary>
internal sealed class RecordingHandler : ITransportHandler
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private readonly Channel<string> _events = Channel.CreateUnbounded<string>();

    /// <summary>What to do with a frame instead of recording it.</summary>
    public Action<ulong, PooledBuffer>? Frames { get; set; }

    public void OnConnected(ulong peer) => _events.Writer.TryWrite($"connected {peer}");

    public void OnDisconnected(ulong peer) => _events.Writer.TryWrite($"disconnected {peer}");

    public void OnRefused(ulong peer, RefusalCode code, string reason) => _events.Writer.TryWrite($"refused {peer}: {reason}");

    public void OnFrame(ulong peer, PooledBuffer frame)
    {
        using (frame)
        {
            if (Frames is { } frames)
                frames(peer, frame);
            else
                _events.Writer.TryWrite($"frame {peer}: {Encoding.UTF8.GetString(frame.Span)}");
        }
    }

    public async Task<string> NextAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            return await _events.Reader.ReadAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            return "nothing within the limit";
        }
    }

    public async Task ExpectAsync(params string[] expected)
    {
        foreach (var each in expected)
            Assert.Equal(each, await NextAsync());
    }

    public void ExpectNothingMore() => Assert.False(_events.Reader.TryRead(out var more), more);
}
