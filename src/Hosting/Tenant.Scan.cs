using System.Runtime.CompilerServices;
using System.Text;
using RaftKv.Consensus.Groups;
using RaftKv.Engine.Commands;

namespace RaftKv.Hosting;

/// <content>Scans.</content>
public sealed partial class Tenant
{
    private const int DefaultPageSize = 1_000;
    private const int MaxPageSize = 100_000;
    private const uint PageBytes = 1 << 20;

    /// <summary>
    /// Lists the keys that begin with a prefix, in ordinal byte order; an empty prefix lists all. It is read in pages: each page is one consistent read,
    /// and a key that is there from before the scan to after it is listed exactly once.
    /// </summary>
    public IAsyncEnumerable<KeyEntry> ScanAsync(ReadOnlyMemory<byte> prefix, ScanOptions options = default, CancellationToken cancellationToken = default) =>
        PagesAsync(prefix, default, default, options, cancellationToken);

    /// <inheritdoc cref="ScanAsync(ReadOnlyMemory{byte}, ScanOptions, CancellationToken)"/>
    public IAsyncEnumerable<KeyEntry> ScanAsync(string prefix, ScanOptions options = default, CancellationToken cancellationToken = default) =>
        PagesAsync(Encoding.UTF8.GetBytes(prefix), default, default, options, cancellationToken);

    /// <summary>Lists the keys from <paramref name="from"/>, inclusive, to <paramref name="end"/>, exclusive; an empty end means none. As <see cref="ScanAsync(ReadOnlyMemory{byte}, ScanOptions, CancellationToken)"/>.</summary>
    public IAsyncEnumerable<KeyEntry> ScanRangeAsync(ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end, ScanOptions options = default, CancellationToken cancellationToken = default) =>
        PagesAsync(default, from, end, options, cancellationToken);

    /// <inheritdoc cref="ScanRangeAsync(ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, ScanOptions, CancellationToken)"/>
    public IAsyncEnumerable<KeyEntry> ScanRangeAsync(string from, string end, ScanOptions options = default, CancellationToken cancellationToken = default) =>
        PagesAsync(default, Encoding.UTF8.GetBytes(from), Encoding.UTF8.GetBytes(end), options, cancellationToken);

    private async IAsyncEnumerable<KeyEntry> PagesAsync(
        ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end, ScanOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        CheckKey(prefix);
        CheckKey(from);
        CheckKey(end);
        if (options.PageSize is < 0 or > MaxPageSize)
            throw new ArgumentOutOfRangeException(nameof(options), options.PageSize, $"PageSize must be between 1 and {MaxPageSize}, or 0 for {DefaultPageSize}.");
        var page = new List<KeyEntry>();
        var (cursor, exclusive, more) = (from, false, true);
        while (more)
        {
            page.Clear();
            var operation = Rent(KindOf(options.Consistency), options.Timeout);
            try
            {
                var count = options.PageSize == 0 ? DefaultPageSize : options.PageSize;
                ScanCommand.Encode(operation.Command, prefix.Span, cursor.Span, exclusive, end.Span, (uint)count, PageBytes, options.KeysOnly);
                await operation.RunAsync(_executor, cancellationToken).ConfigureAwait(false);
                (cursor, more) = ReadPage(operation, page);
            }
            finally
            {
                operation.Release();
            }
            exclusive = true;
            foreach (var entry in page)
                yield return entry;
        }
    }

    private static (ReadOnlyMemory<byte> Cursor, bool More) ReadPage(PendingOperation operation, List<KeyEntry> into)
    {
        var page = ReadOk(operation).Scan;
        while (page.MoveNext())
            into.Add(new KeyEntry(page.Key.ToArray(), ToEntry(page.Value, page.Revision, page.ExpireAt)));
        return (page.Cursor.ToArray(), page.HasMore);
    }
}
