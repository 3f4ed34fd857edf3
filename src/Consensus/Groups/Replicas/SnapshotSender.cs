using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// Streams an image of the group to followers that are too far behind for the log, one at a time. Pieces are read off the shard's thread and checksummed;
/// a few may be unacknowledged, and those are kept, so that a broken connection resumes where the follower stands.
/// Invariant: what it sends is of the term in which it began, and is sent only while this node leads in that term: a piece tells its receiver who leads.
/// </summary>
internal sealed class SnapshotSender(Replica replica, IReplicaContext context)
{
    private const int Window = 4;

    /// <summary>Without an answer for this long the unacknowledged pieces are sent again.</summary>
    private const long ResendAfter = 1_000_000_000;

    /// <summary>Without progress for this long the transfer is given up, and the image's memory is freed.</summary>
    private const long GiveUpAfter = 120_000_000_000;

    /// <summary>Without progress for this long a follower gives way to others that wait; one that is not connected does so at once.</summary>
    private const long GiveWayAfter = 5_000_000_000;

    private readonly Queue<ulong> _waiting = new();
    private readonly LinkedList<Piece> _unacknowledged = new();
    private ISnapshotReader? _reader;
    private Configuration? _configuration;
    private ulong _peer;
    private ulong _term;
    private ulong _snapshotId;
    private ulong _lastId;
    private long _readOffset;
    private PooledBuffer? _readAhead;
    private bool _readAll;
    private bool _reading;
    private long _lastProgress;
    private long _lastSend;

    private long Patience => _waiting.Count == 0 ? GiveUpAfter : context.IsConnected(_peer) ? GiveWayAfter : 0;

    private bool LeadsInItsTerm => replica.Core.Role == RaftRole.Leader && replica.Core.Term == _term;

    /// <summary>The core found that a follower needs entries that the log no longer has.</summary>
    public void Begin(ulong peer)
    {
        if (_peer == peer || _waiting.Contains(peer))
            return;
        _waiting.Enqueue(peer);
        StartNext();
    }

    public void OnAnswer(Message answer)
    {
        switch (answer)
        {
            case SnapshotAcknowledged acknowledged when acknowledged.SnapshotId == _snapshotId && acknowledged.From == _peer:
                OnAcknowledged(acknowledged.NextOffset);
                break;
            case SnapshotRefused refused when refused.SnapshotId == _snapshotId && refused.From == _peer:
                End();
                break;
            default:
                break;
        }
    }

    /// <summary>The follower may have lost pieces with the old connection: it is offered what it has not acknowledged.</summary>
    public void OnPeerConnected(ulong peer)
    {
        if (_reader is null || peer != _peer)
            return;
        Sometimes.Reached(Sometimes.ImageResumed);
        Resend();
    }

    public void OnLeadershipChanged()
    {
        if (!LeadsInItsTerm)
            Stop();
    }

    /// <summary>Nobody is sent anything any more.</summary>
    public void Stop()
    {
        _waiting.Clear();
        Close();
    }

    public void Tick(long now)
    {
        if (_reader is null)
        {
            StartNext();
            return;
        }

        if (!replica.Core.AwaitsSnapshot(_peer, _reader.Position.Index))
        {
            // It came to hold the entries all the same (it may have installed this very image, and the word of it was lost), and does not answer for an image any more; or it was removed.
            Sometimes.Reached(Sometimes.ImageNotNeeded);
            End();
        }
        else if (now - _lastProgress > Patience)
        {
            Sometimes.Reached(Sometimes.ImageGivenUp);
            End();
        }
        else if (now - _lastSend > ResendAfter && !_reading)
            Resend();
    }

    /// <summary>Not while the store is full: the sessions are saved into it first. Whoever waits is served when there is space, by a tick.</summary>
    private void StartNext()
    {
        while (_reader is null && !_reading && !context.Health.IsStoreFull && _waiting.TryDequeue(out var peer))
        {
            // A state that holds part of an entry is sent to nobody.
            if (replica.Halt is not { IsTainted: true } && replica.Core.AwaitsSnapshot(peer, replica.Machine.Applied.Index))
                Start(peer);
        }
    }

    private void Start(ulong peer)
    {
        _peer = peer;
        _term = replica.Core.Term;
        replica.Machine.SaveSessions();
        _reader = replica.Machine.State.OpenSnapshot();
        _configuration = GroupConfigurationRecord.Read(replica.Machine.State, context.InitialConfiguration);
        _snapshotId = (replica.Core.Self << 48) ^ (_term << 20) ^ ++_lastId;
        _readOffset = 0;
        _readAll = false;
        _lastProgress = _lastSend = context.Now;
        ReadMore();
    }

    private void OnAcknowledged(long nextOffset)
    {
        _lastProgress = context.Now;
        while (_unacknowledged.First is { } first && first.Value.Offset + first.Value.Data.Length <= nextOffset)
        {
            _unacknowledged.RemoveFirst();
            first.Value.Data.Dispose();
        }

        if (_unacknowledged.First is { } next && next.Value.Offset != nextOffset)
        {
            Sometimes.Reached(Sometimes.ImageBegunAgain);
            // The follower stands before what is kept: it has lost the image (it restarted). Begin again.
            var peer = _peer;
            Close();
            Begin(peer);
            return;
        }

        if (_readAll && _unacknowledged.Count == 0)
            End();
        else
            ReadMore();
    }

    private void ReadMore()
    {
        if (_reading || _readAll || _unacknowledged.Count >= Window)
            return;
        _reading = true;
        var reader = _reader!;
        var data = new PooledBuffer(context.Configuration.SnapshotChunkBytes + 4096);
        context.RunInBackground(
            () =>
            {
                reader.ReadChunk(data, context.Configuration.SnapshotChunkBytes);
            },
            failure => OnRead(reader, data, failure));
    }

    private void OnRead(ISnapshotReader reader, PooledBuffer data, Exception? failure)
    {
        _reading = false;
        if (!ReferenceEquals(reader, _reader))
        {
            // The transfer ended while the piece was read.
            data.Dispose();
            reader.Dispose();
            StartNext();
            return;
        }

        if (failure is not null)
        {
            data.Dispose();
            context.ReportFailure(failure);
            return;
        }

        // A piece leaves when it is known whether another follows it.
        _readAll = data.Length == 0;
        if (_readAll && _readAhead is not null)
            data.Dispose();
        if (_readAhead is not null || _readAll)
            SendNext(_readAhead ?? data);
        _readAhead = _readAll ? null : data;
        ReadMore();
    }

    private void SendNext(PooledBuffer data)
    {
        var piece = new Piece(_readOffset, data, Crc32C.Compute(data.Span), _readAll);
        _readOffset += data.Length;
        _unacknowledged.AddLast(piece);
        Send(piece);
    }

    private void Resend()
    {
        foreach (var piece in _unacknowledged)
            Send(piece);
        _lastSend = context.Now;
    }

    private void Send(Piece piece)
    {
        // Leadership may have ended in this very turn, and the end not have been heard of here.
        if (!LeadsInItsTerm)
            return;
        _lastSend = context.Now;
        var position = _reader!.Position;
        context.Outbox.Add(replica.Group, new SnapshotChunk
        {
            From = replica.Core.Self,
            To = _peer,
            Term = _term,
            SnapshotId = _snapshotId,
            SnapshotIndex = position.Index,
            SnapshotTerm = position.Term,
            SnapshotTime = position.Time,
            Configuration = _configuration!,
            Offset = piece.Offset,
            Checksum = piece.Checksum,
            Last = piece.Last,
            Data = piece.Data.Memory,
        });
    }

    private void End()
    {
        var peer = _peer;
        Close();
        replica.Core.SnapshotEnded(peer, context.Now);
        context.Touch(replica);
        StartNext();
    }

    private void Close()
    {
        foreach (var piece in _unacknowledged)
            piece.Data.Dispose();
        _unacknowledged.Clear();
        _readAhead?.Dispose();
        _readAhead = null;
        // A read under way still uses the reader; its end disposes it.
        if (!_reading)
            _reader?.Dispose();
        _reader = null;
        _peer = 0;
        _snapshotId = 0;
    }

    private sealed record Piece(long Offset, PooledBuffer Data, uint Checksum, bool Last);
}
