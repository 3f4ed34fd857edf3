using System.Text;

namespace RaftKv.Hosting;

/// <summary>A key and its record, as a scan lists them.</summary>
/// <param name="Key">The key.</param>
/// <param name="Entry">Its record; with an empty value if only keys were asked for.</param>
public readonly record struct KeyEntry(ReadOnlyMemory<byte> Key, Entry Entry)
{
    /// <summary>The key as UTF-8 text.</summary>
    public string Name => Encoding.UTF8.GetString(Key.Span);
}
