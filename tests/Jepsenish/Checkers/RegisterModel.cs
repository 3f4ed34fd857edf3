namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>A register, absent at first: read, write, compare-and-set.</summary>
public sealed class RegisterModel : SequentialModel
{
    /// <summary>Stands for every value that nobody will ask for again.</summary>
    private const int Forgotten = int.MaxValue;

    private readonly IReadOnlyList<ClientOperation> _operations;
    private readonly List<string?> _values = [null];
    private readonly int[] _value;
    private readonly int[] _expected;
    private readonly long[] _lastNeeded;
    private readonly long _lastSawOther = -1;
    private readonly List<int>?[] _obligations;

    /// <summary>Prepares for the operations of one key.</summary>
    public RegisterModel(IReadOnlyList<ClientOperation> operations)
    {
        _operations = operations;
        var numbers = new Dictionary<string, int>();
        int Number(string? value)
        {
            if (value is null)
                return 0;
            if (!numbers.TryGetValue(value, out var number))
            {
                numbers.Add(value, number = _values.Count);
                _values.Add(value);
            }
            return number;
        }

        _value = [.. operations.Select(o => Number(o.Value))];
        _expected = [.. operations.Select(o => Number(o.Expected))];
        _lastNeeded = new long[_values.Count];
        Array.Fill(_lastNeeded, -1);
        for (var i = 0; i < operations.Count; i++)
        {
            var operation = operations[i];
            if (operation.IsUnknown)
                continue;
            if (operation.Function is Function.Read)
                Need(_value[i], operation.Completed);
            if (operation.Function is Function.CompareAndSet or Function.SawOther)
                Need(_expected[i], operation.Completed);
            if (operation.Function is Function.SawOther)
                _lastSawOther = Math.Max(_lastSawOther, operation.Completed);
        }
        PropagateThroughUnknown();
        _obligations = CollectObligations();
    }

    /// <inheritdoc/>
    public override int Initial => 0;

    /// <inheritdoc/>
    public override OperationTraits TraitsOf(int operation) => _operations[operation].Function switch
    {
        Function.Read or Function.SawOther => OperationTraits.ReadOnly,
        Function.Write => OperationTraits.Blind,
        _ => OperationTraits.None,
    };

    /// <inheritdoc/>
    public override bool TryStep(int state, int operation, out int next)
    {
        next = state;
        switch (_operations[operation].Function)
        {
            case Function.Read:
                return state == _value[operation];
            case Function.SawOther:
                return state != _expected[operation];
            case Function.Write:
                next = _value[operation];
                return true;
            case Function.CompareAndSet:
                next = _value[operation];
                return state == _expected[operation];
            default:
                throw new ArgumentException($"a register knows no {_operations[operation].Function}");
        }
    }

    /// <inheritdoc/>
    public override int Normalize(int state, long position) => state == Forgotten || _lastNeeded[state] <= position ? Forgotten : state;

    /// <inheritdoc/>
    public override bool IsUseless(int operation, long position) => _lastSawOther <= position && _lastNeeded[_value[operation]] <= position;

    /// <inheritdoc/>
    public override IEnumerable<int>? StatesAfter(long position) =>
        Enumerable.Range(0, _operations.Count)
            .Where(i => _operations[i].Invoked < position && _operations[i].Function is Function.Write or Function.CompareAndSet)
            .Select(i => Normalize(_value[i], position))
            .Append(Normalize(Initial, position))
            .Distinct();

    /// <inheritdoc/>
    public override IReadOnlyList<int> Obligations(int state) => state == Forgotten ? [] : _obligations[state] ?? [];

    /// <inheritdoc/>
    public override string Describe(int state) => state == Forgotten ? "a value that no later operation asks for" : ClientOperation.Show(_values[state]);

    private bool Need(int value, long until)
    {
        if (_lastNeeded[value] >= until)
            return false;
        _lastNeeded[value] = until;
        return true;
    }

    // Who asks for a value that is written only once has to be served before it is overwritten.
    private List<int>?[] CollectObligations()
    {
        var writers = new int[_values.Count];
        writers[Initial] = 1;
        var obligations = new List<int>?[_values.Count];
        for (var i = 0; i < _operations.Count; i++)
        {
            var operation = _operations[i];
            if (operation.Function is Function.Write or Function.CompareAndSet)
                writers[_value[i]]++;
            if (!operation.IsUnknown && operation.Function is (Function.Read or Function.CompareAndSet))
                (obligations[operation.Function == Function.Read ? _value[i] : _expected[i]] ??= []).Add(i);
        }
        for (var value = 0; value < obligations.Length; value++)
        {
            if (writers[value] != 1)
                obligations[value] = null;
        }
        return obligations;
    }

    // A compare-and-set of unknown outcome asks for its expectation only as long as somebody may ask for what it writes.
    private void PropagateThroughUnknown()
    {
        var unknown = Enumerable.Range(0, _operations.Count).Where(i => _operations[i] is { IsUnknown: true, Function: Function.CompareAndSet }).ToList();
        bool changed;
        do
        {
            changed = false;
            foreach (var i in unknown)
                changed |= Need(_expected[i], _lastNeeded[_value[i]]);
        }
        while (changed);
    }
}
