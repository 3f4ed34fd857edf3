using System.Runtime.CompilerServices;

namespace RaftKv.Tests.Harness.Store;

/// <summary>Two stores must agree.</summary>
internal static class Expect
{
    public static void That(bool condition, [CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        if (!condition)
            throw new StoreMismatchException($"not so: {what}");
    }

    public static void Equal<T>(T expected, T actual, [CallerArgumentExpression(nameof(actual))] string? what = null)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
            throw new StoreMismatchException($"{what} is {actual}, it should be {expected}");
    }

    public static void Sequence<T>(IEnumerable<T> expected, IEnumerable<T> actual, [CallerArgumentExpression(nameof(actual))] string? what = null)
    {
        if (!expected.SequenceEqual(actual))
            throw new StoreMismatchException($"{what} is {string.Join(' ', actual.Take(20))}, it should be {string.Join(' ', expected.Take(20))}");
    }
}

/// <summary>A store did not do what its twin does.</summary>
public sealed class StoreMismatchException(string message) : Exception(message);
