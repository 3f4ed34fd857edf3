using System.Buffers.Binary;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;

namespace RaftKv.Engine.State.Commands.Batches;

/// <summary>
/// Encodes a <see cref="BatchCommand"/> at the end of a buffer: first the conditions, then the commands. The buffer is complete after every call, and must not be written by others in between.
/// </summary>
public struct BatchBuilder
{
    private readonly PooledBuffer _into;
    private readonly int _body;
    private uint _conditions;
    private uint _commands;

    /// <summary>Begins a batch in <paramref name="into"/>.</summary>
    /// <param name="into">The buffer to append to.</param>
    /// <param name="allOrNothing">Whether a command that fails takes back the others.</param>
    public BatchBuilder(PooledBuffer into, bool allOrNothing = false)
    {
        _into = into;
        into.WriteEnvelope(CommandKind.Batch);
        _body = into.Length;
        into.WriteByte(allOrNothing ? BatchCommand.AllOrNothingFlag : (byte)0);
        into.WriteUInt32(0);
        into.WriteUInt32(0);
    }

    /// <summary>Number of commands added.</summary>
    public readonly int CommandCount => (int)_commands;

    /// <summary>The batch is done only if the key has this revision; 0: only if it is absent.</summary>
    /// <exception cref="InvalidOperationException">A command was added already.</exception>
    public void AddCondition(ReadOnlySpan<byte> key, ulong revision)
    {
        if (_commands != 0)
            throw new InvalidOperationException("A batch's conditions must be added before its commands.");
        _into.WriteUInt64(revision);
        _into.WriteBytes(key);
        BinaryPrimitives.WriteUInt32LittleEndian(_into.WritableSpan[(_body + 1)..], ++_conditions);
    }

    /// <summary>Adds a copy of a command, as one of the Encode methods wrote it, envelope and all; its identity is dropped.</summary>
    public void Add(ReadOnlySpan<byte> command)
    {
        Invariant.That(command.Length >= CommandEnvelope.Size, "a command without an envelope");
        _into.WriteUInt32((uint)(command.Length - CommandEnvelope.Size + 1));
        _into.WriteByte((byte)CommandEnvelope.Kind(command));
        _into.Write(command[CommandEnvelope.Size..]);
        BinaryPrimitives.WriteUInt32LittleEndian(_into.WritableSpan[(_body + 5)..], ++_commands);
    }
}
