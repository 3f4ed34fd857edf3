using System.Globalization;
using System.Text;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;

namespace RaftKv.Tests.Harness.State;

/// <summary>Draws commands over few keys and small values, so that they meet: from a seed, reproducibly.</summary>
public sealed class CommandGenerator(int seed)
{
    private static readonly string[] Values = ["", "0", "1", "-7", "42", "9223372036854775807", "0.5", "1e3", "abc", "a longer value than the others are"];

    private readonly Random _random = new(seed);

    public Random Random => _random;

    /// <summary>Whether commands may depend on revisions, which differ between a batch and the same commands one by one.</summary>
    public bool UsesRevisions { get; init; } = true;

    /// <summary>Largest revision worth guessing.</summary>
    public ulong Revision { get; set; } = 1;

    /// <summary>State-machine time around which expiries are drawn.</summary>
    public long Time { get; set; } = 1_000;

    public byte[] Key() => Encoding.UTF8.GetBytes(_random.Next(12) is var n && n == 0 ? "" : "k" + n.ToString(CultureInfo.InvariantCulture));

    public byte[] Value() => Encoding.UTF8.GetBytes(Values[_random.Next(Values.Length)]);

    public Expiry Expiry() => _random.Next(5) switch
    {
        4 => Engine.State.Encoding.Expiry.After(_random.Next(-5, 100)),
        0 => Engine.State.Encoding.Expiry.Keep,
        1 => Engine.State.Encoding.Expiry.At(Time + _random.Next(-50, 200)),
        _ => Engine.State.Encoding.Expiry.None,
    };

    /// <summary>Draws any command that changes or reads user keys, batches included.</summary>
    public void Encode(PooledBuffer into)
    {
        if (_random.Next(8) == 0)
            EncodeBatch(into, _random.Next(2) == 0);
        else if (_random.Next(16) == 0)
            ExpireDueCommand.Encode(into, (uint)_random.Next(5));
        else
            EncodeSimple(into);
    }

    /// <summary>Draws a batch.</summary>
    public void EncodeBatch(PooledBuffer into, bool allOrNothing)
    {
        var batch = new BatchBuilder(into, allOrNothing);
        for (var i = _random.Next(4) == 0 ? 1 : 0; UsesRevisions && i > 0; i--)
            batch.AddCondition(Key(), Guess());
        using var command = new PooledBuffer();
        for (var i = _random.Next(6); i > 0; i--)
        {
            command.Clear();
            EncodeSimple(command);
            batch.Add(command.Span);
        }
    }

    /// <summary>Draws a command that a batch may hold.</summary>
    public void EncodeSimple(PooledBuffer into)
    {
        switch (_random.Next(17))
        {
            case 0 or 1 or 2:
                PutCommand.Encode(into, Key(), Value(), (PutCondition)_random.Next(UsesRevisions ? 4 : 3), Guess(), Expiry(), _random.Next(2) == 0);
                break;
            case 3:
                DeleteCommand.EncodeEmpty(into);
                for (var i = _random.Next(4); i > 0; i--)
                    DeleteCommand.AddKey(into, Key());
                break;
            case 4 when UsesRevisions:
                CompareAndSetCommand.Encode(into, Key(), Expectation.OfRevision(Guess()), Value(), Expiry());
                break;
            case 4 or 5:
                CompareAndSetCommand.Encode(into, Key(), Expectation.OfValue(Value()), Value(), Expiry());
                break;
            case 6:
                CompareAndSetCommand.EncodeDelete(into, Key(), Expectation.OfValue(Value()));
                break;
            case 7:
                IncrementCommand.Encode(into, Key(), _random.NextInt64(-10, 10));
                break;
            case 8:
                IncrementFloatCommand.Encode(into, Key(), Value());
                break;
            case 9:
                AppendCommand.Encode(into, Key(), Value());
                break;
            case 10:
                SetRangeCommand.Encode(into, Key(), (ulong)_random.Next(20), Value());
                break;
            case 11:
                ExpireCommand.Encode(into, Key(), _random.Next(3) == 0 ? Engine.State.Encoding.Expiry.None : Engine.State.Encoding.Expiry.At(Time + _random.Next(-10, 200)), (ExpireCondition)_random.Next(6));
                break;
            case 12:
                RenameCommand.Encode(into, Key(), Key(), _random.Next(2) == 0, _random.Next(2) == 0);
                break;
            case 13:
                GetDeleteCommand.Encode(into, Key());
                break;
            case 14:
                GetExpireCommand.Encode(into, Key(), Expiry());
                break;
            case 15 when _random.Next(10) == 0:
                ClearCommand.Encode(into);
                break;
            default:
                EncodeRead(into);
                break;
        }
    }

    private void EncodeRead(PooledBuffer into)
    {
        switch (_random.Next(UsesRevisions ? 4 : 3))
        {
            case 0:
                GetCommand.Encode(into, Key(), _random.Next(2) == 0);
                break;
            case 1:
                CountCommand.Encode(into);
                break;
            case 2:
                KeyAtCommand.Encode(into, (ulong)_random.NextInt64());
                break;
            default:
                ScanCommand.Encode(into, _random.Next(2) == 0 ? "k"u8 : "k1"u8, Key(), _random.Next(2) == 0, _random.Next(2) == 0 ? Key() : [], (uint)_random.Next(5), (uint)_random.Next(100), _random.Next(2) == 0);
                break;
        }
    }

    private ulong Guess() => (ulong)_random.NextInt64(0, (long)Math.Min(Revision + 1, 40));
}
