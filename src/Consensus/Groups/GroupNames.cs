namespace RaftKv.Consensus.Groups;

/// <summary>How a line names many groups: what follows each other is a range.</summary>
internal static class GroupNames
{
    /// <summary>As in "group 3" and "groups 1-4, 7".</summary>
    public static string Of(IEnumerable<uint> groups)
    {
        var numbers = groups.Order().ToList();
        var parts = new List<string>();
        for (var i = 0; i < numbers.Count;)
        {
            var end = i;
            while (end + 1 < numbers.Count && numbers[end + 1] == numbers[end] + 1)
                end++;
            parts.Add(end == i ? $"{numbers[i]}" : $"{numbers[i]}-{numbers[end]}");
            i = end + 1;
        }

        return $"group{(numbers.Count == 1 ? "" : "s")} {string.Join(", ", parts)}";
    }
}
