using RaftKv.Consensus.Groups;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Memory;

namespace RaftKv.Tests.Unit.Hosting;

/// <summary>A node of one group, in memory, that answers at once, or holds operations back until the test lets them go.</summary>
internal sealed class FakeExecutor : IOperationExecutor, IDisposable
{
    private readonly Lock _gate = new();
    private readonly StateMachine _machine = new(new MemoryStateStore().Open(1));
    private readonly List<Operation> _held = [];
    private readonly PooledBuffer _opening = new();
    private ulong _session;
    private ulong _sequence;

    /// <summary>How operations end, if not by being done.</summary>
    public OperationStatus? EndAs { get; set; }

    public bool Hold { get; set; }

    public bool HasLease { get; set; }

    public int Submitted { get; private set; }

    public long LastDeadline { get; private set; }

    public long Now { get; set; } = 1_000_000;

    public long Time { get; set; } = 1_000;

    public long WallLead { get; set; }

    public GroupTime TimeOf(uint group) => new(Time, WallLead);

    public void Submit(Operation operation)
    {
        lock (_gate)
        {
            Submitted++;
            LastDeadline = operation.Deadline;
            operation.Status = OperationStatus.Pending;
            operation.Result.Clear();
            if (operation.Kind == OperationKind.Write)
                Stamp(operation);
            if (Hold)
            {
                _held.Add(operation);
                return;
            }
            End(operation);
        }
    }

    public bool TryReadLocal(uint group, ReadOnlySpan<byte> key, PooledBuffer value, out bool found, out RecordHeader header)
    {
        (found, header) = (false, default);
        return HasLease && _machine.TryRead(key, value, out found, out header);
    }

    public void Dispose()
    {
        _machine.Dispose();
        _opening.Dispose();
    }

    /// <summary>Ends what was held back.</summary>
    public void LetGo()
    {
        lock (_gate)
        {
            Hold = false;
            _held.ForEach(End);
            _held.Clear();
        }
    }

    private void End(Operation operation)
    {
        if (EndAs is { } status)
        {
            operation.Reason = "the test says so";
            operation.Status = status;
        }
        else
        {
            if (operation.Kind == OperationKind.Write)
                _machine.Apply(new AppliedPosition(_machine.Applied.Index + 1, 1, 0), Time, operation.Command.Span, operation.Result);
            else
                _machine.Query(operation.Command.Span, operation.Result);
            operation.Status = OperationStatus.Completed;
        }
        operation.OnCompleted();
    }

    private void Stamp(Operation operation)
    {
        if (_session == 0)
        {
            OpenSessionCommand.Encode(operation.Result);
            _machine.Apply(new AppliedPosition(_machine.Applied.Index + 1, 1, 0), Time, operation.Result.Span, _opening);
            _session = new CommandResult(_opening.Span).Revision;
        }
        operation.Request = new RequestId(operation.Group, _session, ++_sequence);
        CommandEnvelope.Stamp(operation.Command.WritableSpan, _session, _sequence, 0);
    }
}
