using DotNext.Diagnostics;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// Whether a peer has been silent for longer than its own rhythm explains. Peers send keep-alives at a fixed interval, whatever else they send; how regularly those arrive says how unlikely a silence is: phi accrual
/// (Hayashibara, Defago, Yared, Katayama, "The phi accrual failure detector", SRDS 2004). So a peer on a steady link is suspected within some intervals, and one on a link that stutters later, at the fixed limit at the
/// latest. For one connection and one thread; time is what the owner says.
/// </summary>
/// <remarks>
/// Invariant: bytes of whatever kind that arrived since the last look are a sign of life: a frame that takes long to come keeps keep-alives back.
/// Invariant: only time in which this process was seen running counts: after a pause of its own, what the peer sent meanwhile is still to be read.
/// </remarks>
internal sealed class SilenceDetector
{
    /// <summary>Suspected when a silence this unlikely is seen: once in 10^8 intervals by the intervals so far.</summary>
    private const double Threshold = 8;

    /// <summary>A rhythm is known after so many keep-alives; until then the fixed limit is all.</summary>
    private const int FewestKeepAlives = 20;

    private readonly PhiAccrualFailureDetector _detector;
    private readonly TransportOptions _options;
    private long _sinceKeepAlive;
    private long _running;
    private long _heardAt;
    private long _lastKeepAliveAt;
    private int _heard;
    private long _seenBytes;
    private long _seenKeepAlives;

    /// <summary>A connection that was just made.</summary>
    public SilenceDetector(TransportOptions options)
    {
        _options = options;
        _detector = new PhiAccrualFailureDetector(options.KeepAliveInterval)
        {
            Threshold = Threshold,
            // Three missing keep-alives are no anomaly, and a regular peer is granted some unrest: a thread that sends them shares its processor with others.
            AcceptableHeartbeatPause = 3 * options.KeepAliveInterval,
            MinStdDeviation = options.KeepAliveInterval * 0.4,
        };
    }

    /// <summary>Whether this side's own keep-alive is due: at a fixed interval, whatever else is sent, since the other side judges silence by its regularity. To be asked at most half an interval apart.</summary>
    /// <param name="elapsed">Milliseconds since it was asked last in which this process ran.</param>
    public bool IsKeepAliveDue(long elapsed)
    {
        _sinceKeepAlive += elapsed;
        // Half a look early rather than a whole one late.
        if (_sinceKeepAlive + (elapsed / 2) < (long)_options.KeepAliveInterval.TotalMilliseconds)
            return false;
        _sinceKeepAlive = 0;
        return true;
    }

    /// <summary>Looks at what has arrived; a sentence if the peer is to be given up, else null.</summary>
    /// <param name="elapsed">Milliseconds since the last look in which this process ran.</param>
    /// <param name="receivedBytes">All bytes that have arrived so far.</param>
    /// <param name="keepAlives">All keep-alives among them.</param>
    public string? Look(long elapsed, long receivedBytes, long keepAlives)
    {
        _running += elapsed;
        if (keepAlives != _seenKeepAlives)
            OnKeepAlive(keepAlives);
        if (receivedBytes != _seenBytes)
        {
            (_seenBytes, _heardAt) = (receivedBytes, _running);
            return null;
        }

        var silent = _running - _heardAt;
        // As if the last byte had been a keep-alive: that much longer than usual the next one is due.
        return silent >= (long)_options.PeerTimeout.TotalMilliseconds || IsUnlikely(_lastKeepAliveAt + silent) ? $"nothing was received for {silent} ms" : null;
    }

    private void OnKeepAlive(long keepAlives)
    {
        _seenKeepAlives = keepAlives;
        // After a silence that would have been suspected, had other bytes not come, the detector takes no further beats: it begins anew.
        if (_detector.IsMonitoring && _detector.GetValue(At(_running)) > Threshold)
        {
            _detector.Reset();
            _heard = 0;
        }

        _heard++;
        _detector.ReportHeartbeat(At(_running));
        _lastKeepAliveAt = _running;
    }

    private bool IsUnlikely(long time) => _heard >= FewestKeepAlives && _detector.GetValue(At(time)) > Threshold;

    // Whole milliseconds: by finer ones perfectly regular intervals have no deviation to divide by. One more than passed, for zero is no time to the detector.
    private static Timestamp At(long milliseconds) => new(TimeSpan.FromMilliseconds(milliseconds + 1));
}
