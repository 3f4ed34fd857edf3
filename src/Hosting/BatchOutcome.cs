using System.Text;

namespace RaftKv.Hosting;

/// <summary>How a batch ended.</summary>
/// <param name="Succeeded">False if a condition did not hold: nothing was changed.</param>
/// <param name="Revision">The revision of all its writes if it succeeded; else the revision of the key whose condition did not hold, 0 if that is absent.</param>
/// <param name="FailedCondition">Number, from 0, of the condition that did not hold; -1 if it succeeded.</param>
public readonly record struct BatchOutcome(bool Succeeded, ulong Revision, int FailedCondition);
