namespace RaftKv.Engine.Buffers;

/// <summary>
/// Arrays above <see cref="Threshold"/> for <see cref="PooledBuffer"/>: <see cref="System.Buffers.ArrayPool{T}.Shared"/> keeps dozens of each size per core, gigabytes after a rush of large values, and
/// rounds up to powers of two. This keeps a bounded number of bytes for the next large value, and leaves the rest to the collector. Thread-safe.
/// </summary>
internal static class LargeArrays
{
    /// <summary>Arrays up to this long are the shared pool's.</summary>
    public const int Threshold = 1 << 20;

    /// <summary>Bytes kept for reuse.</summary>
    public const long MaxKeptBytes = 64 << 20;

    private static readonly Lock Gate = new();
    private static readonly Dictionary<int, Stack<byte[]>> Kept = [];
    private static long _keptBytes;

    /// <summary>Bytes that are kept now.</summary>
    public static long KeptBytes
    {
        get
        {
            lock (Gate)
                return _keptBytes;
        }
    }

    /// <summary>An array of at least so many bytes, which hold anything.</summary>
    public static byte[] Rent(int length)
    {
        var size = SizeFor(length);
        lock (Gate)
        {
            if (Kept.TryGetValue(size, out var stack) && stack.TryPop(out var array))
            {
                _keptBytes -= size;
                return array;
            }
        }

        return GC.AllocateUninitializedArray<byte>(size);
    }

    /// <summary>Takes an array of <see cref="Rent"/> back.</summary>
    public static void Return(byte[] array)
    {
        if (array.Length > MaxKeptBytes / 4)
            return;
        lock (Gate)
        {
            if (_keptBytes + array.Length > MaxKeptBytes)
            {
                // What is kept is of yesterday's sizes: the newest are the likeliest to be asked for again.
                Kept.Clear();
                _keptBytes = 0;
            }

            if (!Kept.TryGetValue(array.Length, out var stack))
                Kept.Add(array.Length, stack = new Stack<byte[]>());
            stack.Push(array);
            _keptBytes += array.Length;
        }
    }

    /// <summary>Four sizes to each power of two, so that at most a quarter is wasted and sizes come again.</summary>
    private static int SizeFor(int length)
    {
        var step = 1 << (29 - int.LeadingZeroCount(length - 1));
        return (int)Math.Min(((long)length + step - 1) / step * step, Array.MaxLength);
    }
}
