using System.Text;

namespace RaftKv.Hosting;

/// <summary>How a put ended.</summary>
/// <param name="Written">False if its condition did not hold: nothing was changed.</param>
/// <param name="Revision">The write's revision, meaningful if it was written.</param>
public readonly record struct PutResult(bool Written, ulong Revision);
