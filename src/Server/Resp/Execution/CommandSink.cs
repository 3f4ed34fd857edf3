using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Commands.Batches;

namespace RaftKv.Server.Resp.Execution;

/// <summary>
/// Collects what one RESP command, or a whole EXEC, becomes: a single encoded command stays where it was encoded, several become one batch.
/// Invariant: between <see cref="Next"/> and the following call exactly one command is encoded.
/// </summary>
internal sealed class CommandSink : IDisposable
{
    private readonly List<int> _starts = [];
    private readonly List<(int Start, int Length, ulong Revision)> _conditions = [];
    private readonly PooledBuffer _conditionKeys = new();
    private readonly PooledBuffer _scratch = new();
    private PooledBuffer _target = null!;

    /// <summary>Starts over, into an empty buffer.</summary>
    public void Begin(PooledBuffer target)
    {
        _target = target;
        _target.Clear();
        _starts.Clear();
        _conditions.Clear();
        _conditionKeys.Clear();
    }

    /// <summary>Commands so far.</summary>
    public int Count => _starts.Count;

    /// <summary>The buffer to encode the next command into.</summary>
    public PooledBuffer Next()
    {
        _starts.Add(_target.Length);
        return _target;
    }

    /// <summary>Everything is done only if the key has this revision (0: is absent).</summary>
    public void AddCondition(ReadOnlySpan<byte> key, ulong revision)
    {
        _conditions.Add((_conditionKeys.Length, key.Length, revision));
        _conditionKeys.Write(key);
    }

    /// <summary>Makes the target whole; true if it is a batch.</summary>
    public bool Complete(bool asBatch = false)
    {
        if (_starts.Count == 1 && _conditions.Count == 0 && !asBatch)
            return false;
        _scratch.Clear();
        var batch = new BatchBuilder(_scratch);
        foreach (var (start, length, revision) in _conditions)
            batch.AddCondition(_conditionKeys.Span.Slice(start, length), revision);
        for (var i = 0; i < _starts.Count; i++)
        {
            var end = i + 1 < _starts.Count ? _starts[i + 1] : _target.Length;
            batch.Add(_target.Span[_starts[i]..end]);
        }
        _target.Clear();
        _target.Write(_scratch.Span);
        // Rare and large: it must not stay with its connection.
        if (_scratch.Capacity > 64 << 10)
            _scratch.Dispose();
        if (_conditionKeys.Capacity > 64 << 10)
            _conditionKeys.Dispose();
        if (_starts.Capacity > 1024)
            (_starts.Capacity, _conditions.Capacity) = (Forget(_starts), Forget(_conditions));
        return true;
    }

    private static int Forget<T>(List<T> list)
    {
        list.Clear();
        return 0;
    }

    public void Dispose()
    {
        _conditionKeys.Dispose();
        _scratch.Dispose();
    }
}
