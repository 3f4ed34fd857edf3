namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>Who appended an element to a list.</summary>
/// <param name="Transaction">Which transaction.</param>
/// <param name="Nth">As its how-manieth append to the key.</param>
internal readonly record struct Appended(int Transaction, int Nth);

/// <summary>A read of a list as seen from outside of its transaction: what it had appended itself is taken off.</summary>
/// <param name="Transaction">Which transaction.</param>
/// <param name="List">All that it returned.</param>
/// <param name="Version">The length of the list without the transaction's own elements at its end.</param>
internal readonly record struct ListRead(int Transaction, IReadOnlyList<string> List, int Version);

/// <summary>All that a history says about one key's list.</summary>
internal sealed class ListLog(string key)
{
    private static readonly string[] Nothing = [];

    /// <summary>The key.</summary>
    public string Key { get; } = key;

    /// <summary>Who appended each element, whatever became of it.</summary>
    public Dictionary<string, Appended> Writers { get; } = [];

    /// <summary>What committed transactions read.</summary>
    public List<ListRead> Reads { get; } = [];

    /// <summary>The longest list read: a list only grows, so every other is a beginning of it, and it is the order of the versions.</summary>
    public IReadOnlyList<string> Longest { get; private set; } = Nothing;

    /// <summary>Who read it first.</summary>
    public int LongestReader { get; private set; } = -1;

    /// <summary>Appends of a transaction to the key.</summary>
    public Dictionary<int, int> Appends { get; } = [];

    /// <summary>Adds an append.</summary>
    /// <exception cref="InvalidDataException">The element is not unique.</exception>
    public void Append(int transaction, string element)
    {
        Appends[transaction] = Appends.GetValueOrDefault(transaction) + 1;
        if (!Writers.TryAdd(element, new Appended(transaction, Appends[transaction])))
            throw new InvalidDataException($"{element} is appended twice to key {Key}: the check needs elements that are unique");
    }

    /// <summary>Adds a read.</summary>
    public void Read(ListRead read)
    {
        Reads.Add(read);
        if (read.List.Count > Longest.Count || LongestReader < 0)
            (Longest, LongestReader) = (read.List, read.Transaction);
    }

    /// <summary>Whether a read is a beginning of the longest.</summary>
    public bool Agrees(IReadOnlyList<string> list)
    {
        if (ReferenceEquals(list, Longest))
            return true;
        for (var i = 0; i < list.Count; i++)
        {
            if (!string.Equals(list[i], Longest[i], StringComparison.Ordinal))
                return false;
        }
        return true;
    }
}
