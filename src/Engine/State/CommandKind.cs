namespace RaftKv.Engine.State;

/// <summary>The kinds of commands. Persisted in logs: numbers are never changed or reused.</summary>
public enum CommandKind : byte
{
    /// <summary>Writes a value; conditions (absent, present), expiry (set, keep), and return of the old value are options.</summary>
    Put = 1,

    /// <summary>Removes keys; the result counts those that were there.</summary>
    Delete = 2,

    /// <summary>Writes or removes a key if its value or its revision is as expected.</summary>
    CompareAndSet = 3,

    /// <summary>Adds to a decimal 64-bit integer.</summary>
    Increment = 4,

    /// <summary>Adds to a decimal floating-point number.</summary>
    IncrementFloat = 5,

    /// <summary>Appends bytes to a value.</summary>
    Append = 6,

    /// <summary>Overwrites part of a value, zero-filling a gap.</summary>
    SetRange = 7,

    /// <summary>Sets a key's expiry time, under conditions, or removes it (persist).</summary>
    Expire = 8,

    /// <summary>Renames or copies a key.</summary>
    Rename = 9,

    /// <summary>Removes all user keys of the group.</summary>
    Clear = 10,

    /// <summary>Several commands, atomically, under conditions on revisions.</summary>
    Batch = 11,

    /// <summary>Reads a record and removes it.</summary>
    GetDelete = 12,

    /// <summary>Reads a record and changes its expiry.</summary>
    GetExpire = 13,

    /// <summary>Read-only: a record's value, revision and expiry.</summary>
    Get = 32,

    /// <summary>Read-only: keys (and values) of a range or prefix, in order, from a cursor, up to a limit.</summary>
    Scan = 33,

    /// <summary>Read-only: the number of keys.</summary>
    Count = 34,

    /// <summary>Read-only: a key drawn by a number that the caller gives.</summary>
    KeyAt = 35,

    /// <summary>Opens a client session; the result's revision is its number.</summary>
    OpenSession = 64,

    /// <summary>Settles the outcome of a request: committed, or never to be applied.</summary>
    ResolveOutcome = 65,

    /// <summary>Proposed by the leader when keys are due: removes them.</summary>
    ExpireDue = 66,

    /// <summary>An operator's word that an earlier entry, which cannot be applied, is to have no effect.</summary>
    SkipEntry = 67,
}
