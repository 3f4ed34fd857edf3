using System.Text;

namespace RaftKv.Hosting;

/// <summary>What is beside a value: see <see cref="Entry"/>.</summary>
/// <param name="Length">The value's length in bytes.</param>
/// <param name="Revision">Number of the write that made it.</param>
/// <param name="ExpiresAt">When it will be gone; null for never.</param>
public readonly record struct EntryHeader(int Length, ulong Revision, DateTimeOffset? ExpiresAt);
