using System.Text;

namespace RaftKv.Hosting;

/// <summary>A record as it was read.</summary>
/// <param name="Value">Its value: the caller's to keep.</param>
/// <param name="Revision">Number of the write that made it: grows with every write of its group, and so of its key.</param>
/// <param name="ExpiresAt">When it will be gone, by the wall clocks of a majority of the nodes; null for never.</param>
public readonly record struct Entry(ReadOnlyMemory<byte> Value, ulong Revision, DateTimeOffset? ExpiresAt)
{
    /// <summary>The value as UTF-8 text.</summary>
    public string Text => Encoding.UTF8.GetString(Value.Span);
}
