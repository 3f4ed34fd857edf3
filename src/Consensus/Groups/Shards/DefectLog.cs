using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups.Replicas;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>Tells operators of entries and reads that a defect keeps from being applied or answered. Of any thread.</summary>
internal sealed partial class DefectLog(ILogger logger)
{
    private readonly ILogger _logger = logger;

    /// <summary>A group halted at an entry.</summary>
    public void OnHalted(uint group, ApplyHalt halt, Exception defect)
    {
        LogHalted(defect, group, halt.Index, halt.Term, halt.Kind);
        if (halt.IsTainted)
            LogTainted(group);
    }

    /// <summary>A group goes on behind the entry at which it had halted.</summary>
    public void OnResumed(uint group, ApplyHalt halt) => LogResumed(group, halt.Index);

    /// <summary>A read met a defect.</summary>
    public void OnQuery(uint group, Exception defect) => LogQueryDefect(defect, group);

    [LoggerMessage(Level = LogLevel.Error, Message = "group {group} halts at entry {index} of term {term} ({kind}): a defect keeps it from being applied. Other groups go on. Where all replicas halted, 'raftkv group skip' leaves the entry out")]
    private partial void LogHalted(Exception defect, uint group, ulong index, ulong term, string kind);

    [LoggerMessage(Level = LogLevel.Error, Message = "group {group}: the halted entry could not be taken back; no checkpoint is taken on this shard, and the group serves nothing, until this node is restarted")]
    private partial void LogTainted(uint group);

    [LoggerMessage(Level = LogLevel.Error, Message = "group {group}: a defect keeps a read from being answered")]
    private partial void LogQueryDefect(Exception defect, uint group);

    [LoggerMessage(Level = LogLevel.Warning, Message = "group {group} goes on behind entry {index}, at which it had halted")]
    private partial void LogResumed(uint group, ulong index);
}
