namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>The definition of linearizability, executed: tries every order and every subset of the unknown. For small histories, to hold the real checker against.</summary>
internal static class ExhaustiveCheck
{
    /// <summary>Whether some order explains the history of one key.</summary>
    public static bool IsLinearizable(List<ClientOperation> history, string? initial) => Try(history, initial);

    private static bool Try(List<ClientOperation> rest, string? state)
    {
        if (rest.TrueForAll(o => o.IsUnknown))
            return true;
        var firstCompletion = rest.Min(o => o.Completed);
        for (var i = 0; i < rest.Count; i++)
        {
            if (rest[i].Invoked > firstCompletion || !CanHappen(rest[i], state))
                continue;
            var others = rest.ToList();
            others.RemoveAt(i);
            if (Try(others, After(rest[i], state)))
                return true;
        }
        return false;
    }

    private static bool CanHappen(ClientOperation operation, string? state) => operation.Function switch
    {
        Function.Read => state == operation.Value,
        Function.CompareAndSet => state == operation.Expected,
        Function.SawOther => state != operation.Expected,
        _ => true,
    };

    private static string? After(ClientOperation operation, string? state) => operation.Function switch
    {
        Function.Read or Function.SawOther => state,
        Function.Append => state + operation.Value,
        _ => operation.Value,
    };
}
