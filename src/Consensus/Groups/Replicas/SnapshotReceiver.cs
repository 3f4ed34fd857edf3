using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// Receives an image from the leader, installs it, and makes it durable before the leader hears of it.
/// </summary>
/// <remarks>
/// Order: every piece's checksum is verified and written under a new incarnation of the group; all that the log was given before is durable, the image's term with it;
/// the state is swapped; a checkpoint that contains it completes;
/// the log's new start is durable; only then does the core move its log and is the last piece acknowledged. A crash before the checkpoint leaves the old state and the old log;
/// a crash between checkpoint and log start is recognised at recovery by a store that is ahead of its log, and the log start is written then.
/// </remarks>
internal sealed class SnapshotReceiver(Replica replica, IReplicaContext context)
{
    private ISnapshotWriter? _writer;
    private SnapshotChunk? _image;
    private long _nextOffset;
    private long _imageLength;
    private bool _awaitsCheckpoint;

    /// <summary>A whole image is about to replace the state, or has and is not durable yet.</summary>
    public bool IsInstalling { get; private set; }

    public void OnChunk(SnapshotChunk chunk)
    {
        // Pieces that a full store cannot take are offered again.
        if (IsInstalling || context.Health.IsStoreFull)
            return;
        if (chunk.SnapshotIndex <= replica.Machine.Applied.Index)
        {
            Refuse(chunk);
            return;
        }

        if (_image?.SnapshotId != chunk.SnapshotId)
        {
            Abandon();
            _image = chunk with { Data = default };
            _writer = replica.Machine.State.BeginInstall();
        }

        if (chunk.Offset != _nextOffset || Crc32C.Compute(chunk.Data.Span) != chunk.Checksum)
        {
            Sometimes.Reached(Sometimes.ImagePieceRejected);
            // Repeated, out of order or damaged on the way: say where it goes on.
            Acknowledge(chunk);
            return;
        }

        try
        {
            _writer!.Write(chunk.Data.Span);
        }
        catch (InvalidDataException)
        {
            Refuse(chunk);
            return;
        }

        _nextOffset += chunk.Data.Length;
        if (!chunk.Last)
            Acknowledge(chunk);
        else if (replica.Core.BeginSnapshotInstall(chunk.SnapshotIndex, chunk.SnapshotTerm, context.Now))
            BeginInstall();
        else
            Refuse(chunk);
    }

    /// <summary>A checkpoint must not know a term that the log, whose disk may hang, would not know after a crash: such a store is not this log's.</summary>
    private void BeginInstall()
    {
        IsInstalling = true;
        var image = _image!;
        context.Batch.Defer(replica, () =>
        {
            // Unless the node is about to end.
            if (_image == image)
                Install(image);
        });
    }

    /// <summary>A checkpoint completed; if it contains the image, the log's start follows.</summary>
    public void OnCheckpoint(AppliedPosition position)
    {
        if (!_awaitsCheckpoint || position.Index < _image!.SnapshotIndex)
            return;
        _awaitsCheckpoint = false;
        var image = _image;
        context.Batch.Wal.SetStart(replica.Group, image.SnapshotIndex, image.SnapshotTerm);
        context.Batch.Defer(replica, () =>
        {
            IsInstalling = false;
            _image = null;
            replica.OnSnapshotInstalled(image.SnapshotIndex, image.SnapshotTerm, image.Configuration);
            Answer(image, Acknowledgement(image, _imageLength));
        });
    }

    private void Install(SnapshotChunk image)
    {
        Sometimes.Reached(Sometimes.ImageInstalled);
        _writer!.Complete(new AppliedPosition(image.SnapshotIndex, image.SnapshotTerm, image.SnapshotTime));
        _writer.Dispose();
        _writer = null;
        _imageLength = _nextOffset;
        _nextOffset = 0;
        replica.Machine.Reload();
        replica.OnStateReplaced();
        _awaitsCheckpoint = true;
        context.Checkpoints.Demand();
    }

    private void Refuse(SnapshotChunk chunk)
    {
        Sometimes.Reached(Sometimes.ImageRefused);
        Abandon();
        Answer(chunk, new SnapshotRefused { From = replica.Core.Self, To = chunk.From, Term = replica.Core.Term, SnapshotId = chunk.SnapshotId });
    }

    private void Acknowledge(SnapshotChunk chunk) => Answer(chunk, Acknowledgement(chunk, _nextOffset));

    private SnapshotAcknowledged Acknowledgement(SnapshotChunk chunk, long nextOffset) =>
        new() { From = replica.Core.Self, To = chunk.From, Term = replica.Core.Term, SnapshotId = chunk.SnapshotId, NextOffset = nextOffset };

    private void Answer(SnapshotChunk chunk, Message answer)
    {
        if (chunk.Term == replica.Core.Term)
            context.Outbox.Add(replica.Group, answer);
    }

    public void Abandon()
    {
        _writer?.Dispose();
        _writer = null;
        _image = null;
        _nextOffset = 0;
    }
}
