using Microsoft.Extensions.Logging;

namespace RaftKv.Consensus.Groups;

/// <content>What a shard tells operators.</content>
internal sealed partial class Shard
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "node {peer} sent a frame of {length} bytes that is not readable; the rest of it is ignored")]
    private partial void LogUnreadableFrame(ulong peer, int length);

    [LoggerMessage(Level = LogLevel.Error, Message = "the log cannot be written: {reason}; writes are refused until there is space")]
    private partial void LogDiskFull(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "the log can be written again; writes are accepted")]
    private partial void LogDiskWritesAgain();

    [LoggerMessage(Level = LogLevel.Error, Message = "the log's disk has confirmed nothing for an election timeout; leaderships are handed over, and writes wait for the new leaders, until it does")]
    private partial void LogDiskHangs();

    [LoggerMessage(Level = LogLevel.Error, Message = "group {group} halts at entry {index} of term {term} ({kind}): a defect keeps it from being applied. Other groups go on. Where all replicas halted, 'raftkv group skip' leaves the entry out")]
    private partial void LogHalted(Exception defect, uint group, ulong index, ulong term, string kind);

    [LoggerMessage(Level = LogLevel.Error, Message = "group {group}: the halted entry could not be taken back; no checkpoint is taken on this shard, and the group serves nothing, until this node is restarted")]
    private partial void LogTainted(uint group);

    [LoggerMessage(Level = LogLevel.Error, Message = "group {group}: a defect keeps a read from being answered")]
    private partial void LogQueryDefect(Exception defect, uint group);

    [LoggerMessage(Level = LogLevel.Warning, Message = "group {group} goes on behind entry {index}, at which it had halted")]
    private partial void LogResumed(uint group, ulong index);

    [LoggerMessage(Level = LogLevel.Warning, Message = "a checkpoint found no space ({reason}); the one before it holds, and another is tried later")]
    private partial void LogCheckpointRefused(string reason);
}
