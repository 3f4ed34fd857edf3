using System.Text;

namespace RaftKv.Hosting;

/// <summary>How a compare-and-set ended.</summary>
/// <param name="Succeeded">False if the key was not as expected: nothing was changed.</param>
/// <param name="Revision">The new revision if it succeeded; else the revision that the key has, 0 if it is absent.</param>
/// <param name="Current">The value that the key has if it did not succeed, empty if absent.</param>
public readonly record struct CompareAndSetResult(bool Succeeded, ulong Revision, ReadOnlyMemory<byte> Current);
