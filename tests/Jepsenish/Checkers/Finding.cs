namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>Something that clients saw and must not have seen.</summary>
/// <param name="Rule">Which rule it breaks, in two or three words.</param>
/// <param name="Text">What was seen, in one sentence.</param>
public sealed record Finding(string Rule, string Text)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Rule}: {Text}";
}
