using System.Buffers.Binary;

namespace RaftKv.Engine.State.Encoding;

/// <summary>
/// Reads an encoded result without allocation: status (1 byte), revision (8), body by kind. The accessors are for results of the kinds they name;
/// <see cref="InvalidDataException"/> from any of them means bytes that no state machine wrote.
/// </summary>
public readonly ref struct CommandResult
{
    /// <summary>Bytes before the body.</summary>
    public const int HeadSize = 9;

    private readonly ReadOnlySpan<byte> _encoded;

    /// <summary>Wraps an encoded result.</summary>
    /// <exception cref="InvalidDataException">It is shorter than its head.</exception>
    public CommandResult(ReadOnlySpan<byte> encoded)
    {
        if (encoded.Length < HeadSize)
            throw Broken();
        _encoded = encoded;
    }

    /// <summary>How the command ended.</summary>
    public ResultStatus Status => (ResultStatus)_encoded[0];

    /// <summary>The entry's index; for records read, the record's revision; for other queries, the applied index.</summary>
    public ulong Revision => BinaryPrimitives.ReadUInt64LittleEndian(_encoded[1..]);

    /// <summary>What follows the head. The whole of it is the text of IncrementFloat and the key of KeyAt.</summary>
    public ReadOnlySpan<byte> Body => _encoded[HeadSize..];

    /// <summary>Delete, Increment, Append, SetRange, Expire, Rename, Clear, Count, ExpireDue that ended as Ok: the number.</summary>
    public long Number => BinaryPrimitives.ReadInt64LittleEndian(At(0, 8));

    /// <summary>Get, GetDelete, GetExpire that ended as Ok: the record's expiry, milliseconds since the Unix epoch, 0 for never.</summary>
    public long ExpireAt => BinaryPrimitives.ReadInt64LittleEndian(At(0, 8));

    /// <summary>Get, GetDelete, GetExpire that ended as Ok: the record's value.</summary>
    public ReadOnlySpan<byte> Value => At(8, 0);

    /// <summary>Put that was to return the old value: whether there was one.</summary>
    public bool OldExisted => At(0, 1)[0] != 0;

    /// <summary>Put that was to return the old value: it, or empty.</summary>
    public ReadOnlySpan<byte> OldValue => At(1, 0);

    /// <summary>CompareAndSet that ended as ConditionFailed: the key's revision, 0 if absent.</summary>
    public ulong CurrentRevision => BinaryPrimitives.ReadUInt64LittleEndian(At(0, 8));

    /// <summary>CompareAndSet that ended as ConditionFailed: the key's value, or empty.</summary>
    public ReadOnlySpan<byte> CurrentValue => At(8, 0);

    /// <summary>ResolveOutcome that ended as Ok: what became of the request.</summary>
    public RequestOutcome Outcome => (RequestOutcome)At(0, 1)[0];

    /// <summary>ResolveOutcome that ended as Ok: the status with which the request ended, if it was applied.</summary>
    public ResultStatus OutcomeStatus => (ResultStatus)At(1, 1)[0];

    /// <summary>ResolveOutcome that ended as Ok: the entry in which the request was applied.</summary>
    public ulong OutcomeRevision => BinaryPrimitives.ReadUInt64LittleEndian(At(2, 8));

    /// <summary>Batch that did not end as Ok: whether it was for a condition (else for a command).</summary>
    public bool FailedOnCondition => At(0, 1)[0] != 0;

    /// <summary>Batch that did not end as Ok: number, from 0, of the condition or command that it failed on.</summary>
    public uint FailedNumber => BinaryPrimitives.ReadUInt32LittleEndian(At(1, 4));

    /// <summary>Batch that failed on a condition: the revision that the key has, 0 if absent.</summary>
    public ulong FailedRevision => BinaryPrimitives.ReadUInt64LittleEndian(At(5, 8));

    /// <summary>Whatever ended as LimitExceeded: the ceiling that it would have passed.</summary>
    public CommandBound Bound => (CommandBound)At(0, 1)[0];

    /// <summary>Scan that ended as Ok: its items.</summary>
    public ScanResult Scan => new(Body);

    /// <summary>Batch that ended as Ok: its results.</summary>
    public BatchResult Batch => new(Body);

    private ReadOnlySpan<byte> At(int offset, int length) =>
        Body.Length >= offset + length ? Body[offset..] : throw Broken();

    internal static InvalidDataException Broken() => new("The bytes are not the result of this kind of command.");
}
