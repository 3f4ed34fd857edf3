using RaftKv.Consensus.Groups;
using RaftKv.Engine.Buffers;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Execution;

/// <summary>
/// Executes the commands of one client: answers at once what needs no group or can be read under the lease, submits the rest, and answers that when it is back. Used by its connection alone.
/// </summary>
/// <remarks>
/// Invariant: replies leave in the order of their commands.
/// Invariant: operations under way are all writes or all reads; a command of another kind waits until there are none. So a client sees its own writes, in order.
/// </remarks>
internal sealed class CommandExecutor(ServerContext context, CommandIndex commands, RespSession session, PendingOperations pending) : IDisposable
{
    private const int LargestKeptBuffer = 64 << 10;

    private readonly CommandSink _sink = new();
    private readonly PooledBuffer _localValue = new();

    // An error found by the parser that waits for the replies before it.
    private string? _owedError;
    private bool _owedErrorCloses;

    /// <summary>Whether an error waits for the replies before it; nothing is executed until it is paid.</summary>
    public bool OwesError => _owedError is not null;

    /// <summary>Executes or submits one command; false if it has to wait for those before it.</summary>
    public bool Execute(RespArguments arguments)
    {
        var command = commands.Find(arguments[0]);
        if (command is null || command.Data is null || session.MultiExec.IsOpen || !command.Accepts(arguments.Count) || !KeysFit(command, arguments))
            return pending.Count == 0 && ExecuteHere(command, arguments);

        var kind = command.IsWrite ? OperationKind.Write : OperationKind.Read;
        if (pending.Count > 0 && pending.Kind != kind)
            return false;
        var group = command.Route(arguments, context.Router);
        if (kind == OperationKind.Read && pending.Count == 0 && command.TakesOneRecord(arguments.Count) && TryReadHere(command, arguments, group))
            return true;

        var operation = pending.Rent();
        _sink.Begin(operation.Command);
        var plan = command.Data(session, arguments, _sink);
        if (plan.Error is not null)
        {
            pending.Return(operation);
            if (pending.Count > 0)
                return false;
            session.Channel.Begin();
            session.Writer.Error(plan.Error);
            session.Channel.End();
            session.AfterCommand();
            return true;
        }
        Submit(operation, group, kind, plan.AsBatch(_sink.Complete()));
        session.AfterCommand();
        return true;
    }

    /// <summary>Answers what the parser could not read; false if that has to wait for the replies before it, and is owed.</summary>
    public bool Refuse(string problem, bool thenClose)
    {
        _owedError = problem;
        _owedErrorCloses = thenClose;
        return TryPayError();
    }

    /// <summary>Answers the error that is owed; false if replies before it are still to come.</summary>
    public bool TryPayError()
    {
        if (pending.Count > 0)
            return false;
        // A command like others: who asked for no reply gets none to this one either.
        session.MultiExec.Spoil();
        session.Channel.Begin();
        session.Writer.Error(_owedError!);
        session.Channel.End();
        session.AfterCommand();
        session.WantsToClose |= _owedErrorCloses;
        _owedError = null;
        return true;
    }

    /// <summary>Answers the first of the operations under way, which is back; false if its command needs another step, which is then prepared.</summary>
    public bool Answer(RespOperation operation)
    {
        var commandBytes = operation.Command.Length;
        session.Channel.Begin(operation.IsSilent);
        var answered = OperationReply.Write(session, operation);
        session.Channel.End();
        if (answered)
            pending.RemoveFirst(commandBytes);
        else
            pending.Renew(operation, commandBytes);
        return answered;
    }

    /// <summary>Forgets what is owed and queued: the client is given up.</summary>
    public void GiveUp()
    {
        _owedError = null;
        session.MultiExec.Discard();
    }

    public void Dispose()
    {
        _sink.Dispose();
        _localValue.Dispose();
    }

    private bool KeysFit(RespCommand command, RespArguments arguments) => command.LongestKey(arguments) <= context.Limits.MaxKeyBytes;

    private void Submit(RespOperation operation, uint group, OperationKind kind, in ReplyPlan plan)
    {
        operation.Group = group;
        operation.Kind = kind;
        operation.Plan = plan;
        operation.IsSilent = session.Channel.IsSilent;
        pending.Add(operation);
    }

    /// <summary>A read of one key by this thread, without a hop, while this node holds the group's lease.</summary>
    private bool TryReadHere(RespCommand command, RespArguments arguments, uint group)
    {
        var plan = command.Prepare!(arguments);
        if (plan.Record is null)
            return false;
        _localValue.Clear();
        if (!context.Executor.TryReadLocal(group, arguments[command.FirstKey], _localValue, out var found, out var header))
            return false;
        session.Channel.Begin();
        plan.Record(session, plan, found ? new RecordView(true, group, header.Revision, header.ExpireAt, _localValue.Span) : default);
        session.Channel.End();
        session.AfterCommand();
        if (_localValue.Length > LargestKeptBuffer)
            _localValue.Dispose();
        return true;
    }

    /// <summary>Everything that is answered at once, and what concerns MULTI. Nothing is under way.</summary>
    private bool ExecuteHere(RespCommand? command, RespArguments arguments)
    {
        session.Channel.Begin();
        var multi = session.MultiExec;
        if (command is null && arguments.IsHttp)
        {
            // Somebody's browser was made to send requests to this port: what follows may hold commands. Redis does the same.
            context.HttpWarning.Tell(session);
            session.WantsToClose = true;
        }
        else if (command is null)
        {
            multi.Spoil();
            session.Writer.Error(CommandIndex.UnknownCommand(arguments));
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
            session.Writer.Error($"ERR a key of {command.LongestKey(arguments)} bytes is longer than the limit of {context.Limits.MaxKeyBytes} bytes; nothing was changed");
        }
        else if (multi.IsOpen && !command.RunsInsideMulti)
            multi.Queue(command, arguments, session.Writer, context.Limits.MaxQueuedBytes);
        else if (command.IsExec)
            Exec();
        else
            command.Local!(session, arguments);
        session.Channel.End();
        session.AfterCommand();
        return true;
    }

    private void Exec()
    {
        var operation = pending.Rent();
        if (session.MultiExec.TryExecute(session, _sink, operation.Command, out var plan, out var group, out var writes))
            Submit(operation, group, writes ? OperationKind.Write : OperationKind.Read, plan);
        else
            pending.Return(operation);
    }
}
