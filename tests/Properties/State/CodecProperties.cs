using FsCheck;
using FsCheck.Fluent;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Sessions;
using Xunit;

namespace RaftKv.Tests.Properties.State;

public class CodecProperties
{
    private static readonly Config Settings = Config.QuickThrowOnFailure;

    [Fact]
    public void A_put_decodes_to_what_was_encoded() => Check.One(Settings, Prop.ForAll<byte[], byte[], byte>((key, value, draw) =>
    {
        var (condition, expiry) = ((PutCondition)(draw % 4), ExpiryOf(draw));
        var revision = condition == PutCondition.IfRevision ? draw * 0x0123456789UL : 0;
        using var into = new PooledBuffer();
        PutCommand.Encode(into, key, value, condition, revision, expiry, draw > 100);
        return PutCommand.TryRead(Body(into, CommandKind.Put), out var read) && read.Key.SequenceEqual(key) && read.Value.SequenceEqual(value)
            && read.Condition == condition && read.ExpectedRevision == revision && read.Expiry == expiry && read.ReturnOld == draw > 100;
    }));

    [Fact]
    public void A_compare_and_set_decodes_to_what_was_encoded() => Check.One(Settings, Prop.ForAll<byte[], byte[], byte[]>((key, expected, value) =>
    {
        var (byValue, delete) = (expected.Length % 2 == 0, value.Length % 2 == 0);
        var expectation = byValue ? Expectation.OfValue(expected) : Expectation.OfRevision((ulong)expected.Length);
        using var into = new PooledBuffer();
        if (delete)
            CompareAndSetCommand.EncodeDelete(into, key, expectation);
        else
            CompareAndSetCommand.Encode(into, key, expectation, value, Expiry.At(value.Length));
        return CompareAndSetCommand.TryRead(Body(into, CommandKind.CompareAndSet), out var read) && read.Key.SequenceEqual(key) && read.Delete == delete
            && read.Expected.IsValue == byValue && read.Expected.Value.SequenceEqual(expectation.Value) && read.Expected.Revision == expectation.Revision
            && (delete || (read.Value.SequenceEqual(value) && read.Expiry == Expiry.At(value.Length)));
    }));

    [Fact]
    public void Commands_of_a_key_and_something_decode_to_what_was_encoded() => Check.One(Settings, Prop.ForAll<byte[], byte[], long>((key, bytes, number) =>
    {
        using var into = new PooledBuffer();
        IncrementCommand.Encode(into, key, number);
        var good = IncrementCommand.TryRead(Body(into, CommandKind.Increment), out var increment) && increment.Key.SequenceEqual(key) && increment.Delta == number;
        into.Clear();
        IncrementFloatCommand.Encode(into, key, bytes);
        good &= IncrementFloatCommand.TryRead(Body(into, CommandKind.IncrementFloat), out var add) && add.Key.SequenceEqual(key) && add.Delta.SequenceEqual(bytes);
        into.Clear();
        AppendCommand.Encode(into, key, bytes);
        good &= AppendCommand.TryRead(Body(into, CommandKind.Append), out var append) && append.Key.SequenceEqual(key) && append.Suffix.SequenceEqual(bytes);
        into.Clear();
        SetRangeCommand.Encode(into, key, (ulong)number, bytes);
        good &= SetRangeCommand.TryRead(Body(into, CommandKind.SetRange), out var range) && range.Key.SequenceEqual(key) && range.Bytes.SequenceEqual(bytes) && range.Offset == (ulong)number;
        into.Clear();
        RenameCommand.Encode(into, key, bytes, number > 0, number % 2 == 0);
        good &= RenameCommand.TryRead(Body(into, CommandKind.Rename), out var rename) && rename.From.SequenceEqual(key) && rename.To.SequenceEqual(bytes)
            && rename.OnlyIfAbsent == number > 0 && rename.Copy == (number % 2 == 0);
        return good;
    }));

    [Fact]
    public void Commands_of_a_key_and_options_decode_to_what_was_encoded() => Check.One(Settings, Prop.ForAll<byte[], byte, long>((key, draw, number) =>
    {
        using var into = new PooledBuffer();
        var expiry = draw % 2 == 0 ? Expiry.None : Expiry.At(number);
        ExpireCommand.Encode(into, key, expiry, (ExpireCondition)(draw % 6));
        var good = ExpireCommand.TryRead(Body(into, CommandKind.Expire), out var expire) && expire.Key.SequenceEqual(key) && expire.Expiry == expiry && (int)expire.Condition == draw % 6;
        into.Clear();
        GetCommand.Encode(into, key, draw > 100);
        good &= GetCommand.TryRead(Body(into, CommandKind.Get), out var get) && get.Key.SequenceEqual(key) && get.HeaderOnly == draw > 100;
        into.Clear();
        GetExpireCommand.Encode(into, key, ExpiryOf(draw));
        good &= GetExpireCommand.TryRead(Body(into, CommandKind.GetExpire), out var getExpire) && getExpire.Key.SequenceEqual(key) && getExpire.Expiry == ExpiryOf(draw);
        into.Clear();
        ScanCommand.Encode(into, key, [1, 2], draw > 100, draw % 3 == 0 ? [] : key, (uint)number, draw, draw % 2 == 0);
        good &= ScanCommand.TryRead(Body(into, CommandKind.Scan), out var scan) && scan.Prefix.SequenceEqual(key) && scan.From.SequenceEqual(new byte[] { 1, 2 }) && scan.Exclusive == draw > 100
            && scan.HasEnd == (draw % 3 != 0 && key.Length > 0) && scan.MaxCount == (uint)number && scan.MaxBytes == draw && scan.KeysOnly == (draw % 2 == 0);
        return good;
    }));

    [Fact]
    public void Lengths_have_one_encoding_each_and_decode_to_themselves() => Check.One(Settings, Prop.ForAll<int>(draw =>
    {
        var length = (int)((uint)draw * 2654435761 & int.MaxValue) >> (draw & 31);
        using var into = new PooledBuffer();
        into.WriteLength(length);
        var reader = new ByteReader(into.Span);
        var read = reader.TryReadLength(out var back) && reader.AtEnd && back == length;
        // Padded with a zero digit it would mean the same.
        byte[] padded = [.. into.Span];
        padded[^1] |= 0x80;
        var longer = new ByteReader([.. padded, 0]);
        return read && !longer.TryReadLength(out _);
    }));

    private static Expiry ExpiryOf(byte draw) => (draw % 3) switch { 0 => Expiry.None, 1 => Expiry.Keep, _ => Expiry.At(draw * 1_000_000_007L) };

    private static ReadOnlySpan<byte> Body(PooledBuffer command, CommandKind kind)
    {
        Assert.Equal(kind, CommandEnvelope.Kind(command.Span));
        Assert.Equal(0UL, CommandEnvelope.Session(command.Span));
        return command.Span[CommandEnvelope.Size..];
    }
}
