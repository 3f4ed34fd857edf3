using BenchmarkDotNet.Attributes;
using RaftKv.Consensus.Transport;

namespace RaftKv.Bench.Micro;

/// <summary>Framing without a socket: one frame written, then read.</summary>
[MemoryDiagnoser]
public class FrameCodecBenchmarks : IDisposable
{
    private byte[] _payload = [];
    private byte[] _frame = [];
    private FrameReader _reader = null!;

    /// <summary>Payload, in bytes.</summary>
    [Params(64, 4096, 65536)]
    public int Size { get; set; }

    /// <summary>Makes a payload.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _payload = new byte[Size];
        new Random(1).NextBytes(_payload);
        _frame = new byte[FrameHeader.Size + Size];
        Write();
        _reader = new FrameReader(2048, Introduction.MaxBytes);
        _reader.Widen(64 * 1024, 1 << 20);
    }

    /// <summary>Gives the reader's memory back.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _reader.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Checksum and copy.</summary>
    [Benchmark]
    public void Write()
    {
        FrameHeader.Write(_frame, FrameType.Data, _payload);
        _payload.CopyTo(_frame, FrameHeader.Size);
    }

    /// <summary>Copy in, check, copy out.</summary>
    [Benchmark]
    public int Read()
    {
        for (var at = 0; at < _frame.Length;)
        {
            var free = _reader.Free;
            var count = Math.Min(free.Length, _frame.Length - at);
            _frame.AsSpan(at, count).CopyTo(free.Span);
            _reader.Received(count);
            at += count;
            if (!_reader.TryRead(out _, out var payload))
                continue;
            using (payload)
                return payload!.Length;
        }

        return 0;
    }
}
