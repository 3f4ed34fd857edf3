using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;

namespace RaftKv.Hosting.Node;

/// <summary>
/// The way into a node that is not there yet: operations wait here until it has started, or ended without having, or until their deadline. So whoever is constructed before the node can use it at once.
/// Thread-safe.
/// </summary>
/// <remarks>Invariant: an operation is handed on, or ended, once; those of one thread are handed on in the order in which they came.</remarks>
internal sealed class StartingExecutor : IOperationExecutor
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMilliseconds(20);

    private readonly Lock _gate = new();
    private readonly MonotonicClock _clock = MonotonicClock.Instance;
    private List<Operation> _waiting = [];
    private Timer? _sweep;
    private IOperationExecutor? _node;
    private string? _refusal;

    /// <inheritdoc/>
    public long Now => _clock.Now;

    /// <inheritdoc/>
    public GroupTime TimeOf(uint group) => Volatile.Read(ref _node)?.TimeOf(group) ?? default;

    /// <inheritdoc/>
    public void Submit(Operation operation)
    {
        lock (_gate)
        {
            if (_node is null && _refusal is null)
            {
                operation.Begin();
                _waiting.Add(operation);
                _sweep ??= new Timer(static state => ((StartingExecutor)state!).Sweep(), this, SweepInterval, SweepInterval);
                return;
            }

            // Within the lock, so that it does not overtake what waited.
            if (_node is not null)
            {
                _node.Submit(operation);
                return;
            }
        }

        operation.Begin();
        operation.Complete(OperationStatus.Unavailable, _refusal);
    }

    /// <inheritdoc/>
    public bool TryReadLocal(uint group, ReadOnlySpan<byte> key, PooledBuffer value, out bool found, out RecordHeader header)
    {
        (found, header) = (false, default);
        return Volatile.Read(ref _node) is { } node && node.TryReadLocal(group, key, value, out found, out header);
    }

    /// <summary>The node has started: what waits, and all that comes, is its.</summary>
    public void HandOn(IOperationExecutor node)
    {
        lock (_gate)
        {
            if (_refusal is not null)
                return;
            _node = node;
            _sweep?.Dispose();
            foreach (var operation in _waiting)
                node.Submit(operation);
            _waiting = [];
        }
    }

    /// <summary>The node will not start: what waits, and all that comes, had no effect.</summary>
    public void Refuse(string reason)
    {
        List<Operation> refused;
        lock (_gate)
        {
            if (_node is not null || _refusal is not null)
                return;
            _refusal = reason;
            _sweep?.Dispose();
            refused = _waiting;
            _waiting = [];
        }

        foreach (var operation in refused)
            operation.Complete(OperationStatus.Unavailable, reason);
    }

    private void Sweep()
    {
        List<Operation> ended = [];
        lock (_gate)
        {
            var now = Now;
            _waiting.RemoveAll(operation =>
            {
                if (operation.Deadline > now)
                    return false;
                ended.Add(operation);
                return true;
            });
        }

        foreach (var operation in ended)
            operation.Complete(OperationStatus.Unavailable, "its deadline passed before the node had started");
    }
}
