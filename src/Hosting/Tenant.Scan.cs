using System.Runtime.CompilerServices;
using RaftKv.Consensus.Groups;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Hosting.Requests;

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
        Scan(prefix, default, default, options, cancellationToken);

    /// <inheritdoc cref="ScanAsync(ReadOnlyMemory{byte}, ScanOptions, CancellationToken)"/>
    public IAsyncEnumerable<KeyEntry> ScanAsync(string prefix, ScanOptions options = default, CancellationToken cancellationToken = default) =>
        ScanAsync(StrictText.Encode(prefix, nameof(prefix)), options, cancellationToken);

    /// <summary>Lists the keys from <paramref name="from"/>, inclusive, to <paramref name="end"/>, exclusive; an empty end means none. As <see cref="ScanAsync(ReadOnlyMemory{byte}, ScanOptions, CancellationToken)"/>.</summary>
    public IAsyncEnumerable<KeyEntry> ScanRangeAsync(ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end, ScanOptions options = default, CancellationToken cancellationToken = default) =>
        Scan(default, from, end, options, cancellationToken);

    /// <inheritdoc cref="ScanRangeAsync(ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, ScanOptions, CancellationToken)"/>
    public IAsyncEnumerable<KeyEntry> ScanRangeAsync(string from, string end, ScanOptions options = default, CancellationToken cancellationToken = default) =>
        ScanRangeAsync(StrictText.Encode(from, nameof(from)), StrictText.Encode(end, nameof(end)), options, cancellationToken);

    /// <summary>Checks and copies what the caller gave, at the call: the pages are fetched later, when its memory may hold something else.</summary>
    private IAsyncEnumerable<KeyEntry> Scan(ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end, ScanOptions options, CancellationToken cancellationToken)
    {
        CheckKey(prefix);
        CheckKey(from);
        CheckKey(end);
        if (options.PageSize is < 0 or > MaxPageSize)
            throw new ArgumentOutOfRangeException(nameof(options), options.PageSize, $"PageSize must be between 1 and {MaxPageSize}, or 0 for {DefaultPageSize}.");
        TenantChecks.Kind(options.Consistency);
        TenantChecks.Nanoseconds(options.Timeout, _timeout);
        return PagesAsync(prefix.ToArray(), from.ToArray(), end.ToArray(), options, cancellationToken);
    }

    private async IAsyncEnumerable<KeyEntry> PagesAsync(byte[] prefix, byte[] from, byte[] end, ScanOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var count = (uint)(options.PageSize == 0 ? DefaultPageSize : options.PageSize);
        var page = new Page([], from, true);
        for (var exclusive = false; page.HasMore; exclusive = true)
        {
            var operation = Rent<Page>(TenantChecks.Kind(options.Consistency), options.Timeout);
            ScanCommand.Encode(operation.Command, prefix, page.Cursor, exclusive, end, count, PageBytes, options.KeysOnly);
            page = await operation.RunAsync(_executor, _readPage, cancellationToken).ConfigureAwait(false);
            foreach (var entry in page.Entries)
                yield return entry;
        }
    }

    private Page ReadPage(PendingOperation<Page> operation)
    {
        var scan = ReadOk(operation).Scan;
        var entries = new List<KeyEntry>();
        while (scan.MoveNext())
            entries.Add(new KeyEntry(scan.Key.ToArray(), ToEntry(scan.Value, scan.Revision, scan.ExpireAt)));
        return new Page(entries, scan.Cursor.ToArray(), scan.HasMore);
    }

    private sealed record Page(List<KeyEntry> Entries, byte[] Cursor, bool HasMore);
}
