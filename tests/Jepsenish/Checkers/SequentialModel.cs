namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>What the search may take for granted about an operation, in every state.</summary>
[Flags]
public enum OperationTraits
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>It never changes the state. Then it is placed as soon as the state allows it: waiting gains nothing.</summary>
    ReadOnly = 1,

    /// <summary>It is possible in every state. Then it can be hidden right before a <see cref="Blind"/> one.</summary>
    Total = 2,

    /// <summary>Total, and the state after it does not depend on the state before it.</summary>
    Blind = 4 | Total,
}

/// <summary>
/// The sequential object that one key of a history claims to be. States are small numbers, so that comparing two is cheap whatever they stand for.
/// Operations are named by their position in the list that the model was made for. Not thread-safe.
/// </summary>
public abstract class SequentialModel
{
    /// <summary>What <see cref="Normalize"/> answers for a state from which the rest of the history cannot be explained.</summary>
    public const int Hopeless = -1;

    /// <summary>The state before the first operation.</summary>
    public abstract int Initial { get; }

    /// <summary>What holds for an operation in every state.</summary>
    public abstract OperationTraits TraitsOf(int operation);

    /// <summary>Whether an operation can do, and return, what the history says, in this state; and the state after it.</summary>
    public abstract bool TryStep(int state, int operation, out int next);

    /// <summary>
    /// One name for all states that cannot be told apart by operations completing after <paramref name="position"/>, or <see cref="Hopeless"/>. May be inexact in that it tells too many apart.
    /// </summary>
    public virtual int Normalize(int state, long position) => state;

    /// <summary>Whether placing an operation of unknown outcome after <paramref name="position"/> can be of no help to any other.</summary>
    public virtual bool IsUseless(int operation, long position) => false;

    /// <summary>Every state, normalized, that there can be right after the completion at <paramref name="position"/>; more than there can be is allowed. Null if they are too many to list.</summary>
    public virtual IEnumerable<int>? StatesAfter(long position) => null;

    /// <summary>
    /// The operations that must all be placed while the object is in this state, because it will not be in it again: in order of invocation; empty if it may be, or nothing is known.
    /// </summary>
    public virtual IReadOnlyList<int> Obligations(int state) => [];

    /// <summary>The state in words.</summary>
    public abstract string Describe(int state);
}
