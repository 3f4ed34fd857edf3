using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Server.Resp.Commands;
using OperationStatus = RaftKv.Consensus.Groups.OperationStatus;

namespace RaftKv.Server.Resp;

/// <summary>
/// One client. An actor without a lock: whatever happens (bytes arrived, operations completed, output drained, the server stops) sets a bit, and whoever sets the first one
/// runs the connection until no bit is left. Bytes that arrive run it on the transport's thread, completed operations through the <see cref="ReplyPump"/>.
/// </summary>
/// <remarks>
/// Invariant: replies leave in the order of their commands.
/// Invariant: operations under way are all writes or all reads; a command of another kind waits until there are none. So a connection sees its own writes, in order.
/// Invariant: memory is bounded by the limits: a client whose commands are under way, or who does not take its replies, is not read from; a command is begun only while the bytes under way, replies
/// that are still to be produced included, are below theirs; and all connections together are bounded by <see cref="ClientMemory"/>.
/// Invariant: reads that were put off are submitted again in their order, before any that came later.
/// Invariant: the connection is not given up while an operation is under way: its buffers belong to a shard.
/// </remarks>
[SuppressMessage("Reliability", "CA2012", Justification = "kept until its signal comes, then consumed, once: the price of an actor that waits for several things without allocating")]
internal sealed class RespConnection : IDisposable
{
    [Flags]
    private enum Signals
    {
        None = 0,
        Running = 1,
        Received = 2,
        Completed = 4,
        Flushed = 8,
        Stop = 16,
        Evict = 32,
    }

    private const int LargestKeptBuffer = 64 << 10;

    private readonly RespServer _server;
    private readonly ReplyPump _pump;
    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly RespParser _parser;
    private readonly CommandSink _sink = new();
    private readonly Action _onReceived;
    private readonly Action _onFlushed;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private int _signals;

    // Operations handed to shards and not yet given back; the only field that shards' threads change.
    private int _outstanding;

    // Input: commands are parsed where they lie; only an incomplete one, or one that spans segments, is copied to _held. _position counts in whichever it is.
    private readonly PooledBuffer _held = new();
    private ValueTask<ReadResult> _read;
    private ReadOnlySequence<byte> _buffer;
    private bool _hasBuffer;
    private bool _isReading;
    private bool _inputEnded;
    private int _position;

    // An error found by the parser that waits for the replies before it.
    private string? _owedError;
    private bool _owedErrorCloses;

    private readonly PendingOperations _pending;
    private readonly List<RespOperation> _batch = [];
    private readonly PooledBuffer _localValue = new();

    private ValueTask<FlushResult> _flush;
    private bool _isFlushing;
    private long _flushingBytes;
    private bool _isStopping;
    private bool _isClosing;
    private bool _isBroken;
    private bool _isFinished;

    public RespConnection(RespServer server, IDuplexPipe transport, ReplyPump pump, RespSession session)
    {
        _server = server;
        _pump = pump;
        _input = transport.Input;
        _output = transport.Output;
        _parser = new RespParser(server.Limits);
        Session = session;
        session.Output = _output;
        session.EndReply();
        session.OnDisconnect = () => SignalAndRun(Signals.Evict);
        _pending = new PendingOperations(this, server.Limits);
        _onReceived = () => SignalAndRun(Signals.Received);
        _onFlushed = () => SignalAndRun(Signals.Flushed);
    }

    /// <summary>What the client has set: protocol, name, MULTI.</summary>
    public RespSession Session { get; }

    /// <summary>Completes when everything has been answered, or the client is gone, and nothing is under way.</summary>
    public Task Closed => _closed.Task;

    /// <summary>What is under way.</summary>
    public PendingOperations Pending => _pending;

    /// <summary>Whether it ends without what was to be said: the socket is to be closed at once, whatever waits to be sent.</summary>
    public bool IsBroken => _isBroken;

    /// <summary>Begins to read.</summary>
    public void Start() => SignalAndRun(Signals.Completed);

    /// <summary>Answers what has arrived, then closes. From any thread.</summary>
    public void Stop() => SignalAndRun(Signals.Stop);

    /// <summary>Called by an operation, on a shard's thread: wakes the connection once per batch, and never runs it here.</summary>
    public void OnOperationCompleted(bool wakes)
    {
        // Not only the last of a batch wakes but also the last of all: should operations ever complete out of order, no reply is left behind.
        if ((Interlocked.Decrement(ref _outstanding) == 0 || wakes) && TrySignal(Signals.Completed))
            _pump.Enqueue(this);
    }

    /// <summary>Runs until no signal is left. Called only by who set the first signal.</summary>
    public void Run()
    {
        do
        {
            var signals = (Signals)Interlocked.Exchange(ref _signals, (int)Signals.Running);
            try
            {
                Process(signals);
            }
            catch (Exception e) when (e is not InvariantViolationException)
            {
                Break(e);
            }
        }
        while (Interlocked.CompareExchange(ref _signals, (int)Signals.None, (int)Signals.Running) != (int)Signals.Running);
    }

    public void Dispose()
    {
        _parser.Dispose();
        _held.Dispose();
        _localValue.Dispose();
        _sink.Dispose();
        _pending.Dispose();
        Session.Dispose();
    }

    private void SignalAndRun(Signals signal)
    {
        if (TrySignal(signal))
            Run();
    }

    private bool TrySignal(Signals signal) => (Interlocked.Or(ref _signals, (int)(signal | Signals.Running)) & (int)Signals.Running) == 0;

    private void Process(Signals signals)
    {
        if (_isFinished)
            return;
        if ((signals & Signals.Received) != 0)
            TakeInput();
        if ((signals & Signals.Flushed) != 0)
            TakeFlush();
        if ((signals & Signals.Stop) != 0)
            _isStopping = true;
        if ((signals & Signals.Evict) != 0)
            GiveUp();
        do
        {
            WriteCompleted();
            ExecuteCommands();
            SubmitBatch();
            Flush();
        }
        while (TryReadOn());
        Charge();
        FinishIfDone();
    }

    /// <summary>Tells what this connection holds, when that has changed by much.</summary>
    private void Charge()
    {
        var held = _held.Capacity + _pending.HeldBytes + Session.MultiExec.Bytes + _flushingBytes + (_isBroken ? 0 : _output.UnflushedBytes);
        if (held < ClientMemory.Step)
            held = 0;
        if (Math.Abs(held - Session.Held) >= ClientMemory.Step)
            _server.Memory.Charge(Session, held);
    }

    // ---- input

    private bool TryReadOn()
    {
        if (_isReading || _hasBuffer || _inputEnded || _isClosing || _isStopping || _isBroken || _owedError is not null || _position < _held.Length && _position > 0)
            return false;
        _read = ClosedPipe.ReadAsync(_input);
        _isReading = true;
        if (!_read.IsCompleted)
        {
            _read.GetAwaiter().UnsafeOnCompleted(_onReceived);
            return false;
        }
        TakeInput();
        return true;
    }

    private void TakeInput()
    {
        if (!_isReading)
            return;
        _isReading = false;
        ReadResult result;
        try
        {
            result = _read.GetAwaiter().GetResult();
        }
        catch (Exception e) when (ClosedPipe.IsGone(e))
        {
            // The client is gone: a reset is as good as an end.
            _inputEnded = true;
            return;
        }
        _inputEnded = result.IsCompleted;
        _buffer = result.Buffer;
        _hasBuffer = true;
        if (_held.Length > 0 || !_buffer.IsSingleSegment)
        {
            foreach (var segment in _buffer)
                _held.Write(segment.Span);
            Consume();
        }
    }

    private void Consume()
    {
        _input.AdvanceTo(_buffer.End);
        _buffer = default;
        _hasBuffer = false;
    }

    // ---- commands

    private void ExecuteCommands()
    {
        if (_owedError is not null && !TryPayError())
            return;
        if (_isClosing || _isBroken || _isFlushing)
            return;
        var data = _hasBuffer ? _buffer.FirstSpan : _held.Span;
        while (_pending.MayBegin && !_isClosing)
        {
            if (_output.UnflushedBytes > _server.Limits.OutputHighWater && !Flush())
                return;
            var position = _position;
            var status = _parser.Next(data, ref position);
            if (status == RespParseStatus.Command && !Execute(_parser.Arguments(data)))
                return;
            _position = position;
            if (status == RespParseStatus.Incomplete)
            {
                KeepRest(data[position..]);
                return;
            }
            if (status is RespParseStatus.Oversized or RespParseStatus.Error)
            {
                _owedError = _parser.Problem;
                _owedErrorCloses = status == RespParseStatus.Error;
                if (!TryPayError())
                    return;
            }
        }
    }

    private bool TryPayError()
    {
        if (_pending.Count > 0)
            return false;
        // A command like others: who asked for no reply gets none to this one either.
        Session.MultiExec.Spoil();
        Session.BeginReply(Session.IsSilent);
        Session.Writer.Error(_owedError!);
        Session.EndReply();
        Session.AfterCommand();
        _isClosing |= _owedErrorCloses;
        _owedError = null;
        return true;
    }

    /// <summary>Keeps the beginning of a command whose rest has not arrived.</summary>
    private void KeepRest(ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty)
            Session.CommandBegan = null;
        else if (_position > 0 || Session.CommandBegan is null)
            Session.CommandBegan = _server.Clock.GetTimestamp();
        if (_hasBuffer)
        {
            _held.Write(rest);
            Consume();
        }
        else if (rest.Length < _held.Length)
        {
            if (rest.Length > LargestKeptBuffer || _held.Capacity <= LargestKeptBuffer)
            {
                rest.CopyTo(_held.WritableSpan);
                _held.SetLength(rest.Length);
            }
            else
            {
                // The large one goes back, whatever little came behind its command.
                Span<byte> little = rest.Length <= 1024 ? stackalloc byte[rest.Length] : new byte[rest.Length];
                rest.CopyTo(little);
                _held.Dispose();
                _held.Write(little);
            }
        }
        _position = 0;
    }

    /// <summary>Executes or submits one command; false if it has to wait for those before it.</summary>
    private bool Execute(RespArguments arguments)
    {
        var session = Session;
        var command = CommandTable.Find(arguments);
        if (command is null || command.Data is null || session.MultiExec.IsOpen || !command.Accepts(arguments.Count) || !KeysFit(command, arguments))
            return _pending.Count == 0 && ExecuteHere(command, arguments);

        var kind = command.IsWrite ? OperationKind.Write : OperationKind.Read;
        if (_pending.Count > 0 && _pending.Kind != kind)
            return false;
        var group = command.Route(arguments, _server.Router);
        if (kind == OperationKind.Read && _pending.Count == 0 && command.TakesOneRecord(arguments.Count) && TryReadHere(command, arguments, group))
            return true;

        var operation = _pending.Rent();
        _sink.Begin(operation.Command);
        var plan = command.Data(session, arguments, _sink);
        if (plan.Error is not null)
        {
            _pending.Return(operation);
            if (_pending.Count > 0)
                return false;
            session.BeginReply(session.IsSilent);
            session.Writer.Error(plan.Error);
            session.EndReply();
            session.AfterCommand();
            return true;
        }
        Enqueue(operation, group, kind, plan.AsBatch(_sink.Complete()));
        session.AfterCommand();
        return true;
    }

    private bool KeysFit(RespCommand command, RespArguments arguments) => command.LongestKey(arguments) <= _server.Limits.MaxKeyBytes;

    private void Enqueue(RespOperation operation, uint group, OperationKind kind, in ReplyPlan plan)
    {
        operation.Group = group;
        operation.Kind = kind;
        operation.Plan = plan;
        operation.IsSilent = Session.IsSilent;
        _pending.Add(operation);
        _batch.Add(operation);
    }

    /// <summary>A read of one key by this thread, without a hop, while this node holds the group's lease.</summary>
    private bool TryReadHere(RespCommand command, RespArguments arguments, uint group)
    {
        var plan = command.Prepare!(arguments);
        if (plan.Record is null)
            return false;
        _localValue.Clear();
        if (!_server.Executor.TryReadLocal(group, arguments[command.FirstKey], _localValue, out var found, out var header))
            return false;
        Session.BeginReply(Session.IsSilent);
        plan.Record(Session, plan, found ? new RecordView(true, group, header.Revision, header.ExpireAt, _localValue.Span) : default);
        Session.EndReply();
        Session.AfterCommand();
        if (_localValue.Length > LargestKeptBuffer)
            _localValue.Dispose();
        return true;
    }

    /// <summary>Everything that is answered at once, and what concerns MULTI. Nothing is under way.</summary>
    private bool ExecuteHere(RespCommand? command, RespArguments arguments)
    {
        var session = Session;
        session.BeginReply(session.IsSilent);
        var multi = session.MultiExec;
        if (command is null && arguments.IsHttp)
        {
            // Somebody's browser was made to send requests to this port: what follows may hold commands. Redis does the same.
            _server.TellOfHttp(session);
            _isClosing = true;
        }
        else if (command is null)
        {
            multi.Spoil();
            session.Writer.Error(CommandTable.UnknownCommand(arguments));
        }
        else if (!command.Accepts(arguments.Count))
        {
            var problem = $"wrong number of arguments for '{command.Name}' command";
            if (command.IsExec)
                multi.Discard();
            else
                multi.Spoil();
            session.Writer.Error(command.IsExec ? $"EXECABORT Transaction discarded because of: {problem}" : $"ERR {problem}");
        }
        else if (!KeysFit(command, arguments))
        {
            multi.Spoil();
            session.Writer.Error($"ERR a key of {command.LongestKey(arguments)} bytes is longer than the limit of {_server.Limits.MaxKeyBytes} bytes; nothing was changed");
        }
        else if (multi.IsOpen && !command.RunsInsideMulti)
            multi.Queue(command, arguments, session.Writer, _server.Limits.MaxQueuedBytes);
        else if (command.IsExec)
            Exec();
        else
        {
            command.Local!(session, arguments);
            _isClosing |= session.WantsToClose;
        }
        session.EndReply();
        session.AfterCommand();
        return true;
    }

    private void Exec()
    {
        var operation = _pending.Rent();
        if (Session.MultiExec.TryExecute(Session, _sink, operation.Command, out var plan, out var group, out var writes))
            Enqueue(operation, group, writes ? OperationKind.Write : OperationKind.Read, plan);
        else
            _pending.Return(operation);
    }

    // ---- operations

    private void SubmitBatch()
    {
        if (_batch.Count == 0)
            return;
        var deadline = _server.Executor.Now + _server.RequestTimeoutNanoseconds;
        Interlocked.Add(ref _outstanding, _batch.Count);
        for (var i = 0; i < _batch.Count; i++)
        {
            var operation = _batch[i];
            operation.Deadline = deadline;
            operation.Wakes = i == _batch.Count - 1;
            _server.Executor.Submit(operation);
        }
        _batch.Clear();
    }

    private void WriteCompleted()
    {
        // Replies that the client does not take are not written: its results wait where they are.
        while (!_isFlushing && _pending.TryPeek(out var operation) && operation.IsDone)
        {
            if (operation.Status == OperationStatus.Deferred && !_isBroken)
            {
                // When all are back, so that no later read is served before an earlier one.
                if (Volatile.Read(ref _outstanding) == 0 && _batch.Count == 0)
                    _pending.TakeDeferred(_batch);
                return;
            }
            var commandBytes = operation.Command.Length;
            Session.BeginReply(operation.IsSilent);
            var answered = WriteReply(operation);
            Session.EndReply();
            if (!answered)
            {
                _pending.Renew(operation, commandBytes);
                _batch.Add(operation);
                return;
            }
            _pending.RemoveFirst(commandBytes);
            if (!_isBroken && _output.UnflushedBytes > _server.Limits.OutputHighWater)
                Flush();
        }
    }

    /// <summary>False if the command needs another step: its operation then holds the next one.</summary>
    private bool WriteReply(RespOperation operation)
    {
        switch (operation.Status)
        {
            case OperationStatus.Completed:
                var results = new ResultCursor(operation.Group, operation.Result.Span, operation.Plan.IsBatch);
                if (!Replies.IsRefusal(results.Top.Status))
                    return operation.Plan.Write!(Session, operation, operation.Plan, ref results);
                Session.Writer.Error(Replies.Describe(results.Top));
                break;
            case OperationStatus.Unavailable:
                Session.Writer.Error($"CLUSTERDOWN {operation.Reason}");
                break;
            case OperationStatus.Deferred:
                break; // nobody is there to be answered any more
            case OperationStatus.OutcomeUnknown when operation.Kind == OperationKind.Write:
                Session.Writer.Error($"UNKNOWN the write may or may not have taken effect (request {operation.Request}): {operation.Reason}");
                break;
            case OperationStatus.OutcomeUnknown:
                Session.Writer.Error($"TRYAGAIN {operation.Reason}");
                break;
            default:
                Invariant.That(false, $"an operation was given back with status {operation.Status}");
                break;
        }
        return true;
    }

    // ---- output

    /// <summary>Sends what has been written; false if the client is slow and the rest has to wait.</summary>
    private bool Flush()
    {
        if (_isBroken)
            return true;
        if (_isFlushing)
            return false;
        if (_output.UnflushedBytes == 0)
            return true;
        _flushingBytes = _output.UnflushedBytes;
        _flush = _output.FlushAsync();
        _isFlushing = true;
        if (!_flush.IsCompleted)
        {
            _flush.GetAwaiter().UnsafeOnCompleted(_onFlushed);
            return false;
        }
        TakeFlush();
        return true;
    }

    private void TakeFlush()
    {
        if (!_isFlushing)
            return;
        _isFlushing = false;
        _flushingBytes = 0;
        try
        {
            if (!_flush.GetAwaiter().GetResult().IsCompleted)
                return;
        }
        catch (Exception e) when (ClosedPipe.IsGone(e))
        {
            _server.Logger.LogDebug(e, "client {Id} is gone", Session.Id);
        }
        GiveUpOutput();
    }

    private void GiveUpOutput()
    {
        _isBroken = true;
        _isClosing = true;
        Session.Output = DiscardingWriter.Instance;
        Session.EndReply();
    }

    private void GiveUp()
    {
        GiveUpOutput();
        _owedError = null;
        if (_hasBuffer)
            Consume();
        _held.Dispose();
        _position = 0;
        Session.MultiExec.Discard();
    }

    private void Break(Exception e)
    {
        _server.Logger.LogError(e, "client {Id} is disconnected after an internal error", Session.Id);
        GiveUpOutput();
        // Operations prepared in the turn that failed were never handed out: forgetting them leaves only those that will be given back.
        foreach (var operation in _batch)
            operation.MarkDone();
        _batch.Clear();
        FinishIfDone();
    }

    private void FinishIfDone()
    {
        var isIdle = !_hasBuffer && _owedError is null;
        if (!_isClosing && !((_inputEnded || _isStopping) && isIdle))
            return;
        if (_pending.Count > 0 || (_isFlushing && !_isBroken))
            return;
        if (_hasBuffer)
            Consume();
        _isFinished = true;
        _closed.TrySetResult();
    }
}
