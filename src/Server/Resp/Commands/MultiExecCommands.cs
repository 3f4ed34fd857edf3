using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Commands;

/// <summary>MULTI and its like; EXEC itself is the connection's, since it is submitted.</summary>
internal static class MultiExecCommands
{
    public static void Multi(RespSession session, RespArguments a)
    {
        if (session.MultiExec.IsOpen)
        {
            session.Writer.Error("ERR MULTI calls can not be nested");
            return;
        }
        session.MultiExec.Open();
        session.Writer.Ok();
    }

    public static void Discard(RespSession session, RespArguments a)
    {
        if (!session.MultiExec.IsOpen)
        {
            session.Writer.Error("ERR DISCARD without MULTI");
            return;
        }
        session.MultiExec.Discard();
        session.Writer.Ok();
    }

    public static ReplyPlan Watch(RespSession session, RespArguments a, CommandSink sink) => session.MultiExec.Watch(a, sink, session.Server.Limits);

    public static void WatchInside(RespSession session, RespArguments a) => session.Writer.Error("ERR WATCH inside MULTI is not allowed");

    public static void Unwatch(RespSession session, RespArguments a)
    {
        session.MultiExec.Unwatch();
        session.Writer.Ok();
    }
}
