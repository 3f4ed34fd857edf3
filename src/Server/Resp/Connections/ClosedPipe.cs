using System.IO.Pipelines;

namespace RaftKv.Server.Resp.Connections;

/// <summary>What the pipe of a client that was reset, or is gone, does: every client may do that at any time, so it is no error of this node.</summary>
internal static class ClosedPipe
{
    /// <summary>Whether an exception says that the client is gone.</summary>
    public static bool IsGone(Exception e) => e is IOException or OperationCanceledException or InvalidOperationException;

    /// <summary>Reads. A pipe that has failed throws already here, not only where the result is taken: that is put off until then.</summary>
    public static ValueTask<ReadResult> ReadAsync(PipeReader input)
    {
        try
        {
            return input.ReadAsync();
        }
        catch (Exception e) when (IsGone(e))
        {
            return ValueTask.FromException<ReadResult>(e);
        }
    }
}
