using System.Buffers.Binary;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Raft.Messages;

/// <summary>
/// Messages as bytes, packed one after another in a frame. Each is a little-endian u32 length of what follows, then group (u32), kind (u8), from, to, term (u64 each)
/// and the fields of the kind in the order of its declaration. Versions are settled by the transport's handshake, not here.
/// Invariant: reading is the inverse of writing; hostile bytes give false, never an exception, and never a message that a core would take for a broken invariant of its own.
/// </summary>
public static class MessageCodec
{
    private const int HeaderSize = 4 + 1 + 8 + 8 + 8;
    private const int EntryHeaderSize = 8 + 1 + 8 + 4;

    // Far from overflow in any arithmetic on indices, and far beyond any log.
    private const ulong LargestIndex = 1UL << 62;

    /// <summary>Appends one message to a frame.</summary>
    public static void Write(PooledBuffer into, uint group, Message message)
    {
        var start = into.Length;
        U32(into, 0);
        U32(into, group);
        U8(into, (byte)KindOf(message));
        U64(into, message.From);
        U64(into, message.To);
        U64(into, message.Term);
        WriteBody(into, message);
        BinaryPrimitives.WriteUInt32LittleEndian(into.WritableSpan[start..], (uint)(into.Length - start - 4));
    }

    /// <summary>
    /// Reads the message at <paramref name="position"/> of a frame and moves the position past it. Payloads are slices of the frame. False if the bytes there are no message;
    /// nothing after them can be read either.
    /// </summary>
    public static bool TryRead(ReadOnlyMemory<byte> frame, ref int position, out uint group, out Message? message)
    {
        group = 0;
        message = null;
        if (position < 0 || frame.Length - position < 4)
            return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(frame.Span[position..]);
        if (length < HeaderSize || length > (uint)(frame.Length - position - 4))
            return false;
        var reader = new MessageReader(frame.Slice(position + 4, (int)length));
        group = reader.UInt32();
        var kind = (MessageKind)reader.Byte();
        var route = new Route(reader.UInt64(), reader.UInt64(), reader.UInt64());
        var read = ReadBody(ref reader, kind, route);
        if (read is null || !reader.Complete)
            return false;
        message = read;
        position += 4 + (int)length;
        return true;
    }

    private static MessageKind KindOf(Message message) => message switch
    {
        AppendEntries => MessageKind.AppendEntries,
        AppendAccepted => MessageKind.AppendAccepted,
        AppendRejected => MessageKind.AppendRejected,
        Heartbeat => MessageKind.Heartbeat,
        HeartbeatAcknowledged => MessageKind.HeartbeatAcknowledged,
        PreVoteRequest => MessageKind.PreVoteRequest,
        PreVoteResponse => MessageKind.PreVoteResponse,
        VoteRequest => MessageKind.VoteRequest,
        VoteResponse => MessageKind.VoteResponse,
        TimeoutNow => MessageKind.TimeoutNow,
        ReadIndexRequest => MessageKind.ReadIndexRequest,
        ReadIndexResponse => MessageKind.ReadIndexResponse,
        ReadIndexRefused => MessageKind.ReadIndexRefused,
        SnapshotChunk => MessageKind.SnapshotChunk,
        SnapshotAcknowledged => MessageKind.SnapshotAcknowledged,
        SnapshotRefused => MessageKind.SnapshotRefused,
        _ => throw new InvariantViolationException($"{message.GetType().Name} has no encoding"),
    };

    private static void WriteBody(PooledBuffer into, Message message)
    {
        switch (message)
        {
            case AppendEntries m:
                Fields(into, m.PreviousIndex, m.PreviousTerm, m.CommitIndex, (ulong)m.SentAt, m.ReadRound);
                WriteEntries(into, m.Entries);
                break;
            case AppendAccepted m:
                Fields(into, m.MatchIndex, (ulong)m.SentAtEcho, m.ReadRound);
                break;
            case AppendRejected m:
                Fields(into, m.RejectedIndex, m.HintIndex, m.HintTerm, (ulong)m.SentAtEcho, m.ReadRound);
                break;
            case Heartbeat m:
                Fields(into, m.CommitIndex, (ulong)m.SentAt, m.ReadRound);
                Flag(into, m.Quiesce);
                Fields(into, m.LastIndex, (ulong)m.LogTime);
                break;
            case HeartbeatAcknowledged m:
                Fields(into, (ulong)m.SentAtEcho, m.ReadRound);
                Flag(into, m.Quiesced);
                Flag(into, m.AcceptsLeadership);
                break;
            case PreVoteRequest m:
                Fields(into, m.LastIndex, m.LastTerm);
                break;
            case PreVoteResponse m:
                Flag(into, m.Granted);
                break;
            case VoteRequest m:
                Fields(into, m.LastIndex, m.LastTerm);
                Flag(into, m.LeadershipTransfer);
                break;
            case VoteResponse m:
                Flag(into, m.Granted);
                Fields(into, (ulong)m.LogTime, m.LogTimeTerm);
                break;
            case ReadIndexRequest m:
                U64(into, m.Context);
                break;
            case ReadIndexResponse m:
                Fields(into, m.Context, m.Index);
                break;
            case ReadIndexRefused m:
                U64(into, m.Context);
                break;
            case SnapshotChunk m:
                WriteChunk(into, m);
                break;
            case SnapshotAcknowledged m:
                Fields(into, m.SnapshotId, (ulong)m.NextOffset);
                break;
            case SnapshotRefused m:
                U64(into, m.SnapshotId);
                break;
        }
    }

    private static void WriteEntries(PooledBuffer into, IReadOnlyList<LogEntry> entries)
    {
        U32(into, (uint)entries.Count);
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            U64(into, entry.Term);
            U8(into, (byte)entry.Kind);
            U64(into, (ulong)entry.Timestamp);
            U32(into, (uint)entry.Payload.Length);
            into.Write(entry.Payload.Span);
        }
    }

    private static void WriteChunk(PooledBuffer into, SnapshotChunk chunk)
    {
        Fields(into, chunk.SnapshotId, chunk.SnapshotIndex, chunk.SnapshotTerm, (ulong)chunk.SnapshotTime);
        var lengthAt = into.Length;
        U32(into, 0);
        ConfigurationCodec.Write(into, chunk.Configuration);
        BinaryPrimitives.WriteUInt32LittleEndian(into.WritableSpan[lengthAt..], (uint)(into.Length - lengthAt - 4));
        U64(into, (ulong)chunk.Offset);
        U32(into, chunk.Checksum);
        Flag(into, chunk.Last);
        U32(into, (uint)chunk.Data.Length);
        into.Write(chunk.Data.Span);
    }

    private static Message? ReadBody(ref MessageReader r, MessageKind kind, Route route)
    {
        var (from, to, term) = route;
        return kind switch
        {
            MessageKind.AppendEntries => ReadAppendEntries(ref r, route),
            MessageKind.AppendAccepted => new AppendAccepted { From = from, To = to, Term = term, MatchIndex = r.UInt64(), SentAtEcho = r.Int64(), ReadRound = r.UInt64() },
            MessageKind.AppendRejected => new AppendRejected
            {
                From = from, To = to, Term = term, RejectedIndex = r.UInt64(), HintIndex = r.UInt64(), HintTerm = r.UInt64(), SentAtEcho = r.Int64(), ReadRound = r.UInt64(),
            },
            MessageKind.Heartbeat => new Heartbeat
            {
                From = from, To = to, Term = term, CommitIndex = r.UInt64(), SentAt = r.Int64(), ReadRound = r.UInt64(), Quiesce = r.Flag(), LastIndex = r.UInt64(), LogTime = r.Int64(),
            },
            MessageKind.HeartbeatAcknowledged => new HeartbeatAcknowledged
            {
                From = from, To = to, Term = term, SentAtEcho = r.Int64(), ReadRound = r.UInt64(), Quiesced = r.Flag(), AcceptsLeadership = r.Flag(),
            },
            MessageKind.PreVoteRequest => new PreVoteRequest { From = from, To = to, Term = term, LastIndex = r.UInt64(), LastTerm = r.UInt64() },
            MessageKind.PreVoteResponse => new PreVoteResponse { From = from, To = to, Term = term, Granted = r.Flag() },
            MessageKind.VoteRequest => new VoteRequest { From = from, To = to, Term = term, LastIndex = r.UInt64(), LastTerm = r.UInt64(), LeadershipTransfer = r.Flag() },
            MessageKind.VoteResponse => new VoteResponse { From = from, To = to, Term = term, Granted = r.Flag(), LogTime = r.Int64(), LogTimeTerm = r.UInt64() },
            MessageKind.TimeoutNow => new TimeoutNow { From = from, To = to, Term = term },
            MessageKind.ReadIndexRequest => new ReadIndexRequest { From = from, To = to, Term = term, Context = r.UInt64() },
            MessageKind.ReadIndexResponse => new ReadIndexResponse { From = from, To = to, Term = term, Context = r.UInt64(), Index = r.UInt64() },
            MessageKind.ReadIndexRefused => new ReadIndexRefused { From = from, To = to, Term = term, Context = r.UInt64() },
            MessageKind.SnapshotChunk => ReadChunk(ref r, route),
            MessageKind.SnapshotAcknowledged => new SnapshotAcknowledged { From = from, To = to, Term = term, SnapshotId = r.UInt64(), NextOffset = r.Int64() },
            MessageKind.SnapshotRefused => new SnapshotRefused { From = from, To = to, Term = term, SnapshotId = r.UInt64() },
            _ => null,
        };
    }

    private static AppendEntries? ReadAppendEntries(ref MessageReader r, Route route)
    {
        var previousIndex = r.UInt64();
        var previousTerm = r.UInt64();
        var commitIndex = r.UInt64();
        var sentAt = r.Int64();
        var readRound = r.UInt64();
        var entries = ReadEntries(ref r, previousIndex, previousTerm, route.Term);
        return entries is null ? null : new AppendEntries
        {
            From = route.From, To = route.To, Term = route.Term, PreviousIndex = previousIndex, PreviousTerm = previousTerm, CommitIndex = commitIndex,
            SentAt = sentAt, ReadRound = readRound, Entries = entries,
        };
    }

    // The count is believed only as far as the bytes behind it can hold that many entries: a lie allocates nothing.
    private static LogEntry[]? ReadEntries(ref MessageReader r, ulong previousIndex, ulong previousTerm, ulong leaderTerm)
    {
        var count = r.UInt32();
        if (!r.Valid || previousIndex > LargestIndex || count > (uint)(r.Remaining / EntryHeaderSize))
            return null;
        var entries = count == 0 ? [] : new LogEntry[count];
        var term = previousTerm;
        for (var i = 0; i < entries.Length; i++)
        {
            var entryTerm = r.UInt64();
            var kind = (EntryKind)r.Byte();
            var timestamp = r.Int64();
            var payload = r.Bytes(r.UInt32());
            r.Require(entryTerm >= term && entryTerm <= leaderTerm && kind <= EntryKind.Configuration);
            r.Require(kind != EntryKind.Configuration || ConfigurationCodec.TryRead(payload.Span, out _));
            if (!r.Valid)
                return null;
            term = entryTerm;
            entries[i] = new LogEntry(previousIndex + 1 + (ulong)i, entryTerm, kind, timestamp, payload);
        }

        return entries;
    }

    private static SnapshotChunk? ReadChunk(ref MessageReader r, Route route)
    {
        var id = r.UInt64();
        var index = r.UInt64();
        var term = r.UInt64();
        var time = r.Int64();
        if (!ConfigurationCodec.TryRead(r.Bytes(r.UInt32()).Span, out var configuration))
            return null;
        var offset = r.Int64();
        r.Require(index <= LargestIndex && term <= route.Term && offset >= 0);
        return new SnapshotChunk
        {
            From = route.From, To = route.To, Term = route.Term, SnapshotId = id, SnapshotIndex = index, SnapshotTerm = term, SnapshotTime = time, Configuration = configuration,
            Offset = offset, Checksum = r.UInt32(), Last = r.Flag(), Data = r.Bytes(r.UInt32()),
        };
    }

    private static void Fields(PooledBuffer into, params ReadOnlySpan<ulong> values)
    {
        var span = into.GetSpan(values.Length * 8);
        for (var i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(span[(i * 8)..], values[i]);
        into.Advance(values.Length * 8);
    }

    private static void Flag(PooledBuffer into, bool value) => U8(into, value ? (byte)1 : (byte)0);

    private static void U8(PooledBuffer into, byte value)
    {
        into.GetSpan(1)[0] = value;
        into.Advance(1);
    }

    private static void U32(PooledBuffer into, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(into.GetSpan(4), value);
        into.Advance(4);
    }

    private static void U64(PooledBuffer into, ulong value) => Fields(into, value);

    private readonly record struct Route(ulong From, ulong To, ulong Term);
}
