namespace RaftKv.Consensus.Groups.Requests;

/// <summary>Operations in the order in which they came, linked through themselves: no allocation, removal anywhere.</summary>
internal sealed class OperationList
{
    public Operation? First { get; private set; }

    public Operation? Last { get; private set; }

    public int Count { get; private set; }

    public void Add(Operation operation)
    {
        operation.Previous = Last;
        operation.Next = null;
        if (Last is null)
            First = operation;
        else
            Last.Next = operation;
        Last = operation;
        Count++;
    }

    public void Remove(Operation operation)
    {
        if (operation.Previous is null)
            First = operation.Next;
        else
            operation.Previous.Next = operation.Next;
        if (operation.Next is null)
            Last = operation.Previous;
        else
            operation.Next.Previous = operation.Previous;
        operation.Previous = operation.Next = null;
        Count--;
    }
}
