namespace RaftKv.Server.Resp.Commands;

/// <summary>MULTI and its like; EXEC itself is the connection's, since it is submitted.</summary>
internal static class TransactionCommands
{
    public static void Multi(RespSession session, RespArguments a)
    {
        if (session.Transaction.IsOpen)
        {
            session.Writer.Error("ERR MULTI calls can not be nested");
            return;
        }
        session.Transaction.Open();
        session.Writer.Ok();
    }

    public static void Discard(RespSession session, RespArguments a)
    {
        if (!session.Transaction.IsOpen)
        {
            session.Writer.Error("ERR DISCARD without MULTI");
            return;
        }
        session.Transaction.Discard();
        session.Writer.Ok();
    }

    public static ReplyPlan Watch(RespSession session, RespArguments a, CommandSink sink) => session.Transaction.Watch(a, sink, session.Server.Limits);

    public static void WatchInside(RespSession session, RespArguments a) => session.Writer.Error("ERR WATCH inside MULTI is not allowed");

    public static void Unwatch(RespSession session, RespArguments a)
    {
        session.Transaction.Unwatch();
        session.Writer.Ok();
    }
}
