using System.Collections.Concurrent;
using RaftKv.Consensus.Groups;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Memory;

namespace RaftKv.Tests.Harness;

/// <summary>
/// A node without consensus: one group in memory, for tests and measurements of what stands above <see cref="IOperationExecutor"/>.
/// Operations are applied at once on the caller's thread, or when the test says so, or by a thread that works in turns as a shard does.
/// </summary>
public sealed class MemoryExecutor : IOperationExecutor, IDisposable
{
    private readonly MemoryStateStore _store = new();
    private readonly StateMachine _machine;
    private readonly ConcurrentQueue<Operation> _inbox = new();
    private readonly ManualResetEventSlim _wake = new();
    private readonly Lock _apply = new();
    private readonly Thread? _thread;
    private readonly bool _manual;
    private volatile bool _stopping;
    private ulong _index;

    /// <summary>Creates an empty group.</summary>
    /// <param name="mode">Who applies.</param>
    public MemoryExecutor(MemoryExecutorMode mode = MemoryExecutorMode.Inline)
    {
        _machine = new StateMachine(_store.Open(1));
        _manual = mode == MemoryExecutorMode.Manual;
        if (mode != MemoryExecutorMode.Thread)
            return;
        _thread = new Thread(Work) { IsBackground = true, Name = "memory-shard" };
        _thread.Start();
    }

    /// <summary>State-machine time of the next entry, milliseconds since the Unix epoch; 0 for the wall clock.</summary>
    public long Time { get; set; }

    /// <summary>Whether reads on callers' threads are served.</summary>
    public bool HasLease { get; set; } = true;

    /// <summary>If set, decides how an operation ends instead of applying it; null applies it.</summary>
    public Func<Operation, (OperationStatus Status, string Reason)?>? Fault { get; set; }

    /// <summary>Operations that were submitted and not applied yet.</summary>
    public int Waiting => _inbox.Count;

    /// <summary>Operations applied so far.</summary>
    public long Applied { get; private set; }

    /// <summary>By how many milliseconds wall clocks are ahead of the group's time.</summary>
    public long WallLead { get; set; }

    /// <inheritdoc/>
    public GroupTime TimeOf(uint group) => new(Math.Max(_machine.Time, Time == 0 ? DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() : Time), WallLead);

    /// <inheritdoc/>
    public long Now => Environment.TickCount64 * 1_000_000;

    /// <inheritdoc/>
    public void Submit(Operation operation)
    {
        operation.Status = OperationStatus.Pending;
        if (_thread is null && !_manual)
        {
            lock (_apply)
                Complete(operation);
            return;
        }
        _inbox.Enqueue(operation);
        if (!_wake.IsSet)
            _wake.Set();
    }

    /// <inheritdoc/>
    public bool TryReadLocal(uint group, ReadOnlySpan<byte> key, PooledBuffer value, out bool found, out RecordHeader header)
    {
        found = false;
        header = default;
        return HasLease && _machine.TryRead(key, value, out found, out header);
    }

    /// <summary>In manual mode: applies up to <paramref name="count"/> waiting operations, as one turn.</summary>
    public void Turn(int count = int.MaxValue)
    {
        lock (_apply)
        {
            for (; count > 0 && _inbox.TryDequeue(out var operation); count--)
                Complete(operation);
        }
    }

    /// <summary>In manual mode: applies the operation that was submitted last.</summary>
    public void TurnLast()
    {
        lock (_apply)
        {
            var waiting = _inbox.ToList();
            _inbox.Clear();
            Complete(waiting[^1]);
            foreach (var operation in waiting.Take(waiting.Count - 1))
                _inbox.Enqueue(operation);
        }
    }

    /// <summary>Advances state-machine time, as the leader's ExpireDue would.</summary>
    public void Expire(long time)
    {
        lock (_apply)
            _machine.ApplyEmpty(new AppliedPosition(++_index, 1, 0), time);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopping = true;
        _wake.Set();
        _thread?.Join();
        _wake.Dispose();
        _machine.Dispose();
        _store.Dispose();
    }

    private void Work()
    {
        while (!_stopping)
        {
            if (_inbox.IsEmpty)
                _wake.Wait();
            _wake.Reset();
            while (_inbox.TryDequeue(out var operation))
                Complete(operation);
        }
    }

    private void Complete(Operation operation)
    {
        if (Fault?.Invoke(operation) is { } fault)
        {
            operation.Status = fault.Status;
            operation.Reason = fault.Reason;
            operation.Request = new RequestId(1, 7, 9);
            operation.OnCompleted();
            return;
        }
        if (!operation.HasRoom(0) && operation.Kind != OperationKind.Write)
        {
            operation.Status = OperationStatus.Deferred;
            operation.OnCompleted();
            return;
        }
        var time = Time == 0 ? DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() : Time;
        if (operation.Kind == OperationKind.Write)
        {
            _machine.Apply(new AppliedPosition(++_index, 1, 0), time, operation.Command.Span, operation.Result);
            if (!operation.HasRoom(operation.Result.Length))
            {
                operation.Result.Clear();
                operation.Status = OperationStatus.OutcomeUnknown;
                operation.Reason = "its result was not taken";
                operation.OnCompleted();
                return;
            }
        }
        else
        {
            if (time > _machine.Applied.Time)
                _machine.ApplyEmpty(new AppliedPosition(++_index, 1, 0), time);
            _machine.Query(operation.Command.Span, operation.Result);
        }
        Applied++;
        operation.Status = OperationStatus.Completed;
        operation.OnCompleted();
    }
}

/// <summary>Who applies what is submitted to a <see cref="MemoryExecutor"/>.</summary>
public enum MemoryExecutorMode
{
    /// <summary>The caller, at once.</summary>
    Inline,

    /// <summary>The test, by <see cref="MemoryExecutor.Turn"/>.</summary>
    Manual,

    /// <summary>A thread of its own, in turns.</summary>
    Thread,
}
