using System.Buffers.Binary;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.State.Commands.Keys;

/// <summary>
/// Lists live keys of a prefix and range in ordinal byte order, a page at a time. Result: Ok, the applied index, then flags (1; bit 0: there may be more, bit 1: keys only),
/// number of items (4), cursor (length, bytes: scan from here, exclusively, for the next page), and the items: key (length, bytes), revision (8), expiry (8), value (length, bytes; not if keys only).
/// A page ends after MaxCount items (at least one), or once the items exceed MaxBytes (never before the first), or after <see cref="MaxVisited"/> keys or <see cref="MaxVisitedBytes"/> were looked at; so a page may be empty and still not the last.
/// Body: flags (1; bit 0: keys only, bit 1: from is exclusive, bit 2: there is an end), MaxCount (4), MaxBytes (4), prefix (length, bytes), from (length, bytes), end (length, bytes; exclusive; if there is one).
/// </summary>
public readonly ref struct ScanCommand
{
    /// <summary>Keys looked at for one page, expired ones included: bounds the time that a page holds up its group.</summary>
    public const int MaxVisited = 10_000;

    /// <summary>Whatever MaxBytes says, a page whose items exceed this ends.</summary>
    public const int PageCeiling = 8 * 1024 * 1024;

    /// <summary>Bytes read for one page, expired records included, after which it ends.</summary>
    public const int MaxVisitedBytes = 16 * 1024 * 1024;

    private const byte KeysOnlyFlag = 1;
    private const byte ExclusiveFlag = 2;
    private const byte HasEndFlag = 4;

    /// <summary>Every key listed begins with it.</summary>
    public ReadOnlySpan<byte> Prefix { get; private init; }

    /// <summary>Where to begin, or the cursor of the page before.</summary>
    public ReadOnlySpan<byte> From { get; private init; }

    /// <summary>Whether the key equal to <see cref="From"/> is left out.</summary>
    public bool Exclusive { get; private init; }

    /// <summary>Every key listed is before it, if <see cref="HasEnd"/>.</summary>
    public ReadOnlySpan<byte> End { get; private init; }

    /// <summary>Whether there is an end.</summary>
    public bool HasEnd { get; private init; }

    /// <summary>Items of a page.</summary>
    public uint MaxCount { get; private init; }

    /// <summary>Bytes of a page's items.</summary>
    public uint MaxBytes { get; private init; }

    /// <summary>Whether values are left out.</summary>
    public bool KeysOnly { get; private init; }

    /// <summary>Appends the command to <paramref name="into"/>. An empty <paramref name="end"/> means none.</summary>
    public static void Encode(
        PooledBuffer into,
        ReadOnlySpan<byte> prefix,
        ReadOnlySpan<byte> from,
        bool exclusive,
        ReadOnlySpan<byte> end,
        uint maxCount,
        uint maxBytes,
        bool keysOnly = false)
    {
        into.WriteEnvelope(CommandKind.Scan);
        into.WriteByte((byte)((keysOnly ? KeysOnlyFlag : 0) | (exclusive ? ExclusiveFlag : 0) | (end.IsEmpty ? 0 : HasEndFlag)));
        into.WriteUInt32(maxCount);
        into.WriteUInt32(maxBytes);
        into.WriteBytes(prefix);
        into.WriteBytes(from);
        if (!end.IsEmpty)
            into.WriteBytes(end);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out ScanCommand command)
    {
        command = default;
        var reader = new ByteReader(body);
        if (!reader.TryReadByte(out var flags) || flags > (KeysOnlyFlag | ExclusiveFlag | HasEndFlag)
            || !reader.TryReadUInt32(out var maxCount) || !reader.TryReadUInt32(out var maxBytes)
            || !reader.TryReadBytes(out var prefix) || !reader.TryReadBytes(out var from))
            return false;
        var end = default(ReadOnlySpan<byte>);
        if ((flags & HasEndFlag) != 0 && !reader.TryReadBytes(out end))
            return false;
        command = new ScanCommand
        {
            Prefix = prefix,
            From = from,
            Exclusive = (flags & ExclusiveFlag) != 0,
            End = end,
            HasEnd = (flags & HasEndFlag) != 0,
            MaxCount = maxCount,
            MaxBytes = maxBytes,
            KeysOnly = (flags & KeysOnlyFlag) != 0,
        };
        return reader.AtEnd;
    }

    /// <summary>See <see cref="ApplyCommand"/>.</summary>
    internal static bool TryApply(CommandContext context, ReadOnlySpan<byte> body)
    {
        if (!TryRead(body, out var command))
            return false;
        command.Apply(context);
        return true;
    }

    internal void Apply(CommandContext context)
    {
        if (context.RefusesSize(Math.Max(Math.Max(From.Length, Prefix.Length), End.Length), 0))
            return;
        var (result, key) = (context.Result, context.KeyScratch);
        context.Reply(ResultStatus.Ok);
        var head = result.Length;
        result.WriteByte(0);
        result.WriteUInt32(0);
        // The cursor is known last but stands first: items are collected in the other buffer.
        var items = context.Scratch;
        items.Clear();
        key.Clear();
        var fromPrefix = From.SequenceCompareTo(Prefix) < 0;
        key.Write(fromPrefix ? Prefix : From);
        var exclusive = Exclusive && !fromPrefix;
        var (count, visited, more) = (0u, 0, false);
        var next = context.NextKey;
        var (alreadyRead, maxBytes) = (context.ReadBytes, Math.Min(MaxBytes, PageCeiling));
        while (!context.IsExceeded && context.State.TryGetNextKey(Keyspace.User, key.Span, exclusive, next) && Contains(next.Span))
        {
            if (count >= Math.Max(MaxCount, 1) || (count > 0 && items.Length >= maxBytes) || visited == MaxVisited || context.ReadBytes - alreadyRead >= MaxVisitedBytes)
            {
                more = true;
                break;
            }
            visited++;
            if (TryAddItem(context, next.Span, items))
                count++;
            (key, next) = (next, key);
            exclusive = true;
        }
        result.WriteBytes(more ? key.Span : []);
        result.Write(items.Span);
        result.WritableSpan[head] = (byte)((more ? 1 : 0) | (KeysOnly ? 2 : 0));
        BinaryPrimitives.WriteUInt32LittleEndian(result.WritableSpan[(head + 1)..], count);
    }

    private bool Contains(ReadOnlySpan<byte> key) => key.StartsWith(Prefix) && (!HasEnd || key.SequenceCompareTo(End) < 0);

    private bool TryAddItem(CommandContext context, ReadOnlySpan<byte> key, PooledBuffer items)
    {
        if (KeysOnly)
        {
            if (!context.TryGetHeader(key, out var header))
                return false;
            AddHead(items, key, header);
            return true;
        }
        var value = context.ValueScratch;
        value.Clear();
        if (!context.TryRead(key, value, out var record))
            return false;
        AddHead(items, key, record);
        items.WriteBytes(value.Span);
        return true;
    }

    private static void AddHead(PooledBuffer items, ReadOnlySpan<byte> key, in RecordHeader header)
    {
        items.WriteBytes(key);
        items.WriteUInt64(header.Revision);
        items.WriteInt64(header.ExpireAt);
    }
}
