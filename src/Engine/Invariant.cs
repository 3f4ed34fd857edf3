using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace RaftKv.Engine;

/// <summary>Checks that are on in every build. A broken invariant is a bug: the node must stop before it acknowledges anything more.</summary>
public static class Invariant
{
    /// <summary>Throws <see cref="InvariantViolationException"/> unless <paramref name="condition"/> holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void That([DoesNotReturnIf(false)] bool condition, string message)
    {
        if (!condition)
            Broken(message);
    }

    /// <inheritdoc cref="That(bool, string)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void That([DoesNotReturnIf(false)] bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] ref InvariantMessage message)
    {
        if (!condition)
            Broken(message.ToStringAndClear());
    }

    [DoesNotReturn]
    private static void Broken(string message) => throw new InvariantViolationException(message);
}

/// <summary>An interpolated message that is formatted only when the condition is false, so that checks cost a compare.</summary>
[InterpolatedStringHandler]
public ref struct InvariantMessage
{
    private DefaultInterpolatedStringHandler _inner;

    /// <summary>Called by the compiler.</summary>
    public InvariantMessage(int literalLength, int formattedCount, bool condition, out bool shouldAppend)
    {
        shouldAppend = !condition;
        _inner = condition ? default : new DefaultInterpolatedStringHandler(literalLength, formattedCount);
    }

    /// <summary>Called by the compiler.</summary>
    public void AppendLiteral(string value) => _inner.AppendLiteral(value);

    /// <summary>Called by the compiler.</summary>
    public void AppendFormatted<T>(T value) => _inner.AppendFormatted(value);

    internal string ToStringAndClear() => _inner.ToStringAndClear();
}

/// <summary>A bug in RaftKv, found by an always-on check. The process that sees it ends; nothing is acknowledged after it.</summary>
public sealed class InvariantViolationException(string message) : Exception(message);
