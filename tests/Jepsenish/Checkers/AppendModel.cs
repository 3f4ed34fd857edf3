namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>A string that can be got, put and appended to; empty at first.</summary>
public sealed class AppendModel : SequentialModel
{
    private readonly IReadOnlyList<ClientOperation> _operations;
    private readonly List<string> _strings = [""];
    private readonly Dictionary<string, int> _numbers = new() { [""] = 0 };
    private readonly Dictionary<(int State, int Operation), int> _appended = [];
    private readonly int[] _value;
    private readonly List<ClientOperation> _reads;
    private readonly ClientOperation?[] _earliestLaterRead;
    private readonly List<ClientOperation> _writes;
    private readonly Dictionary<int, long> _lastSeen = [];

    /// <summary>Prepares for the operations of one key.</summary>
    public AppendModel(IReadOnlyList<ClientOperation> operations)
    {
        _operations = operations;
        _value = [.. operations.Select(o => o.Function == Function.Append ? -1 : Number(o.Value ?? ""))];
        _reads = [.. operations.Where(o => o.Function == Function.Read).OrderBy(o => o.Invoked)];
        _writes = [.. operations.Where(o => o.Function == Function.Write)];
        _earliestLaterRead = new ClientOperation?[_reads.Count + 1];
        for (var i = _reads.Count - 1; i >= 0; i--)
            _earliestLaterRead[i] = _earliestLaterRead[i + 1] is { } later && later.Completed < _reads[i].Completed ? later : _reads[i];
        for (var i = 0; i < operations.Count; i++)
        {
            if (operations[i] is { IsUnknown: true, Value: { Length: > 0 } value })
                _lastSeen[i] = _reads.Where(r => r.Value?.Contains(value, StringComparison.Ordinal) == true).Select(r => r.Completed).DefaultIfEmpty(-1).Max();
        }
    }

    /// <inheritdoc/>
    public override int Initial => 0;

    /// <inheritdoc/>
    public override OperationTraits TraitsOf(int operation) => _operations[operation].Function switch
    {
        Function.Read => OperationTraits.ReadOnly,
        Function.Write => OperationTraits.Blind,
        _ => OperationTraits.Total,
    };

    /// <inheritdoc/>
    public override bool TryStep(int state, int operation, out int next)
    {
        next = state;
        switch (_operations[operation].Function)
        {
            case Function.Read:
                return state == _value[operation];
            case Function.Write:
                next = _value[operation];
                return true;
            case Function.Append:
                if (!_appended.TryGetValue((state, operation), out next))
                    _appended.Add((state, operation), next = Number(_strings[state] + _operations[operation].Value));
                return true;
            default:
                throw new ArgumentException($"a string knows no {_operations[operation].Function}");
        }
    }

    /// <summary>
    /// A string only grows until it is put anew: unless a put may come in between, it is a prefix of what the next reader gets. Without this look ahead, every order of concurrent appends
    /// would be carried along until the next read.
    /// </summary>
    public override int Normalize(int state, long position)
    {
        var next = _earliestLaterRead[FirstReadAfter(position)];
        if (next is null || _writes.Exists(w => w.Completed > position && w.Invoked < next.Completed))
            return state;
        return (next.Value ?? "").StartsWith(_strings[state], StringComparison.Ordinal) ? state : Hopeless;
    }

    /// <inheritdoc/>
    public override bool IsUseless(int operation, long position) => _lastSeen.TryGetValue(operation, out var seen) && seen <= position;

    /// <inheritdoc/>
    public override string Describe(int state) => ClientOperation.Show($"\"{_strings[state]}\"");

    private int FirstReadAfter(long position)
    {
        var (low, high) = (0, _reads.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_reads[middle].Invoked > position)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    private int Number(string text)
    {
        if (!_numbers.TryGetValue(text, out var number))
        {
            _numbers.Add(text, number = _strings.Count);
            _strings.Add(text);
        }
        return number;
    }
}
