namespace RaftKv.Engine.Io;

/// <summary>How <see cref="IFileSystem.Open"/> treats existing and missing files.</summary>
public enum OpenMode
{
    /// <summary>The file must exist.</summary>
    Existing,

    /// <summary>The file must not exist.</summary>
    CreateNew,

    /// <summary>Either.</summary>
    OpenOrCreate,
}
