using System.Runtime.InteropServices;

namespace RaftKv.Consensus.Groups.Node;

/// <summary>
/// Lets one thread sleep until another wakes it or a time has passed; a wake before the sleep is not lost. On Linux one futex call each: the runtime's events take several
/// and a process-wide lock, which shows at tens of thousands of wakes a second.
/// </summary>
internal sealed partial class Parker : IDisposable
{
    private const long FutexCall = 202; // x86-64
    private const long FutexCallArm64 = 98;
    private const int WaitPrivate = 128;
    private const int WakePrivate = 129;

    private static readonly long Futex = !OperatingSystem.IsLinux() ? 0 : RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => FutexCall,
        Architecture.Arm64 => FutexCallArm64,
        _ => 0,
    };

    private readonly AutoResetEvent? _event = Futex == 0 ? new AutoResetEvent(false) : null;

    // Pinned for life: the kernel knows the address.
    private readonly int[] _state = GC.AllocateArray<int>(1, pinned: true);

    /// <summary>Sleeps until woken, at most this long; returns at once if woken since the last sleep. False when the time passed.</summary>
    public unsafe bool Sleep(long nanoseconds)
    {
        if (_event is not null)
            return _event.WaitOne((int)Math.Clamp((nanoseconds + 999_999) / 1_000_000, 1, int.MaxValue));
        if (Interlocked.Exchange(ref _state[0], 0) != 0)
            return true;
        var time = (Seconds: nanoseconds / 1_000_000_000, Nanoseconds: nanoseconds % 1_000_000_000);
        fixed (int* state = _state)
            SystemCall(Futex, state, WaitPrivate, 0, &time, null, 0);
        // Woken, timed out or interrupted: the flag alone tells which.
        return Interlocked.Exchange(ref _state[0], 0) != 0;
    }

    /// <summary>Wakes the sleeper, or lets its next sleep end at once.</summary>
    public unsafe void Wake()
    {
        if (_event is not null)
        {
            _event.Set();
            return;
        }

        if (Interlocked.Exchange(ref _state[0], 1) != 0)
            return;
        fixed (int* state = _state)
            SystemCall(Futex, state, WakePrivate, 1, null, null, 0);
    }

    public void Dispose() => _event?.Dispose();

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static unsafe partial long SystemCall(long number, int* address, int operation, int value, void* timeout, int* address2, int value3);
}
