using Microsoft.AspNetCore.Diagnostics;
using RaftKv.Hosting;

namespace RaftKv.Samples.Counter;

/// <summary>
/// What RaftKv reports, in HTTP's words. A client may repeat what ended with 503: it had no effect. After 504 it may not, before it knows: the answer names the request,
/// with which the outcome can be asked for.
/// </summary>
internal sealed class FailureResponses : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        var status = exception switch
        {
            UnavailableException => StatusCodes.Status503ServiceUnavailable,
            OutcomeUnknownException => StatusCodes.Status504GatewayTimeout,
            WrongValueException => StatusCodes.Status409Conflict,
            ArgumentException => StatusCodes.Status400BadRequest,
            _ => 0,
        };
        if (status == 0)
            return false;
        context.Response.StatusCode = status;
        await context.Response.WriteAsJsonAsync(new { error = exception.Message, request = (exception as OutcomeUnknownException)?.Request.ToString() }, cancellationToken);
        return true;
    }
}
