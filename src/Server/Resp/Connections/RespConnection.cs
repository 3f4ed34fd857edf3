using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups;
using RaftKv.Engine;
using RaftKv.Server.Resp.Commands;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Connections;

/// <summary>
/// One client. An actor without a lock: whatever happens (bytes arrived, operations completed, output drained, the server stops) sets a bit, and whoever sets the first one
/// runs the connection until no bit is left. Bytes that arrive run it on the transport's thread, completed operations through the <see cref="ReplyPump"/>.
/// What a run does is <see cref="Process"/>; the parts of it are <see cref="CommandInput"/>, <see cref="CommandExecutor"/>, <see cref="PendingOperations"/>, <see cref="OperationBatch"/> and <see cref="ReplyOutput"/>.
/// </summary>
/// <remarks>
/// Invariant: the parts are touched only by who runs the connection, except where their own contracts say that shards call.
/// Invariant: memory is bounded by the limits: a client whose commands are under way, or who does not take its replies, is not read from; a command is begun only while the bytes under way, replies
/// that are still to be produced included, are below theirs; and all connections together are bounded by <see cref="ClientMemory"/>.
/// Invariant: the connection is not given up while an operation is under way: its buffers belong to a shard.
/// </remarks>
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

    private readonly RespServer _server;
    private readonly ReplyPump _pump;
    private readonly ConnectedClient _client;
    private readonly CommandInput _input;
    private readonly CommandExecutor _executor;
    private readonly PendingOperations _pending;
    private readonly OperationBatch _batch;
    private readonly ReplyOutput _output;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _signals;
    private bool _isStopping;
    private bool _isFinished;

    public RespConnection(RespServer server, IDuplexPipe transport, ReplyPump pump, ConnectedClient client)
    {
        var context = server.Context;
        var session = client.Session;
        _server = server;
        _pump = pump;
        _client = client;
        _input = new CommandInput(transport.Input, context.Limits, client, context.Clock, () => SignalAndRun(Signals.Received));
        _batch = new OperationBatch(context.Executor, context.RequestTimeoutNanoseconds, OnOperationsCompleted);
        _pending = new PendingOperations(_batch, context.Limits);
        _executor = new CommandExecutor(context, CommandTable.Index, session, _pending);
        _output = new ReplyOutput(transport.Output, session, context.Logger, () => SignalAndRun(Signals.Flushed));
        session.Channel.Connect(transport.Output);
        client.OnDisconnect = () => SignalAndRun(Signals.Evict);
    }

    /// <summary>Completes when everything has been answered, or the client is gone, and nothing is under way.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Whether it ends without what was to be said: the socket is to be closed at once, whatever waits to be sent.</summary>
    public bool IsBroken => _output.IsBroken;

    private bool IsClosing => _client.Session.WantsToClose || _output.IsBroken;

    /// <summary>Begins to read.</summary>
    public void Start() => SignalAndRun(Signals.Completed);

    /// <summary>Answers what has arrived, then closes. From any thread.</summary>
    public void Stop() => SignalAndRun(Signals.Stop);

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
        _input.Dispose();
        _executor.Dispose();
        _pending.Dispose();
        _client.Session.Dispose();
    }

    /// <summary>On a shard's thread: never runs the connection here.</summary>
    private void OnOperationsCompleted()
    {
        if (TrySignal(Signals.Completed))
            _pump.Enqueue(this);
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
            _input.Take();
        if ((signals & Signals.Flushed) != 0)
            _output.Take();
        if ((signals & Signals.Stop) != 0)
            _isStopping = true;
        if ((signals & Signals.Evict) != 0)
            GiveUp();
        // Replies first: they make room for further commands. All commands of a run are submitted together, and all its replies sent together.
        do
        {
            WriteCompleted();
            ExecuteCommands();
            _batch.Submit();
            _output.Flush();
        }
        while (!IsClosing && !_isStopping && !_executor.OwesError && _input.TryRead());
        Charge();
        FinishIfDone();
    }

    private void WriteCompleted()
    {
        while (_pending.TryPeek(out var operation) && operation.IsDone)
        {
            if (_output.IsBroken)
            {
                // Nobody is there to be answered, and a flush that is still under way may never end: the results must not wait for it.
                _pending.RemoveFirst(operation.Command.Length);
                continue;
            }
            // Replies that the client does not take are not written: its results wait where they are.
            if (_output.IsFlushing)
                return;
            if (operation.Status == OperationStatus.Deferred)
            {
                // When all are back, so that no later read is served before an earlier one.
                if (_batch.IsIdle)
                    _pending.TakeDeferred();
                return;
            }
            if (!_executor.Answer(operation))
                return;
            if (_output.UnflushedBytes > _server.Context.Limits.OutputHighWater)
                _output.Flush();
        }
    }

    private void ExecuteCommands()
    {
        if (_executor.OwesError && !_executor.TryPayError())
            return;
        if (IsClosing || _output.IsFlushing)
            return;
        var data = _input.Data;
        while (_pending.MayBegin && !IsClosing)
        {
            if (_output.UnflushedBytes > _server.Context.Limits.OutputHighWater && !_output.Flush())
                return;
            var status = _input.Peek(data);
            if (status == RespParseStatus.Command && !_executor.Execute(_input.Arguments(data)))
                return;
            _input.Advance();
            if (status == RespParseStatus.Incomplete)
            {
                _input.KeepRest(data);
                return;
            }
            if (status is RespParseStatus.Oversized or RespParseStatus.Error && !_executor.Refuse(_input.Problem, thenClose: status == RespParseStatus.Error))
                return;
        }
    }

    /// <summary>Tells what this connection holds, when that has changed by much.</summary>
    private void Charge()
    {
        var held = _input.HeldBytes + _pending.HeldBytes + _client.Session.MultiExec.Bytes + _output.HeldBytes;
        if (held < ClientMemory.Step)
            held = 0;
        if (Math.Abs(held - _client.Held) >= ClientMemory.Step)
            _server.Memory.Charge(_client, held);
    }

    /// <summary>Ends without another word.</summary>
    private void GiveUp()
    {
        _output.GiveUp();
        _input.GiveUp();
        _executor.GiveUp();
    }

    private void Break(Exception e)
    {
        _server.Context.Logger.LogError(e, "client {Id} is disconnected after an internal error", _client.Session.Id);
        _output.GiveUp();
        // Operations prepared in the run that failed were never handed out: forgetting them leaves only those that will be given back.
        _batch.Forget();
        WriteCompleted();
        FinishIfDone();
    }

    private void FinishIfDone()
    {
        var isIdle = !_input.HasBuffer && !_executor.OwesError;
        if (!IsClosing && !((_input.HasEnded || _isStopping) && isIdle))
            return;
        if (_pending.Count > 0 || (_output.IsFlushing && !_output.IsBroken))
            return;
        _input.Discard();
        _isFinished = true;
        _closed.TrySetResult();
    }
}
