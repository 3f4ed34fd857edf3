namespace RaftKv.Server.Cli;

/// <summary>What a command says of an endpoint that did not do as a node does.</summary>
internal static class Unreachable
{
    /// <summary>Nothing answered, or something that speaks another protocol or answers with an error: a RESP port, a peers' port, another server.</summary>
    public static CommandLineException Because(string endpoint, Exception e, TimeSpan timeout) => e switch
    {
        HttpRequestException { StatusCode: not null } or HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } => IsNoNode(endpoint, e),
        HttpRequestException { InnerException: IOException } => new(ExitCode.Unreachable, $"{endpoint} closes the connection without an answer: is it the HTTP address of a node?", e),
        HttpRequestException => new(ExitCode.Unreachable, $"{endpoint} does not answer: {e.Message}", e),
        _ => new(ExitCode.Unreachable, $"{endpoint} does not answer: it took longer than {timeout.TotalSeconds:F0} s", e),
    };

    public static CommandLineException IsNoNode(string endpoint, Exception e) =>
        new(ExitCode.Unreachable, $"{endpoint} answers, but not as a RaftKv node does: is it the HTTP address of a node?", e);
}
