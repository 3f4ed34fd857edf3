using RaftKv.Engine.Io;

namespace RaftKv.Engine.Store.HybridLog;

/// <summary>One open file of <see cref="HybridLogSegments"/>, whose gate guards it.</summary>
internal sealed class HybridLogSegment(IFile file)
{
    public IFile File { get; } = file;

    /// <summary>How many are reading or writing it just now.</summary>
    public int Users { get; set; }

    /// <summary>Written since the last sync.</summary>
    public bool Dirty { get; set; }

    /// <summary>Its name is deleted; the last user closes it.</summary>
    public bool Removed { get; set; }
}
