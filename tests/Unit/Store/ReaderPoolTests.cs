using System.Text;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;
using Xunit;

namespace RaftKv.Tests.Unit.Store;

/// <summary>Callers' threads read a store that is closed beside them.</summary>
public class ReaderPoolTests
{
    [Fact]
    public void A_store_is_closed_when_its_readers_have_read_and_refuses_later_ones()
    {
        for (var round = 0; round < 20; round++)
        {
            using var fixture = new StoreFixture();
            var (store, group) = (fixture.Store, fixture.Group);
            group.Write(Keyspace.User, "k"u8, new RecordHeader(1, 0), Encoding.UTF8.GetBytes(new string('v', 3_000)));
            group.CompleteEntry(new AppliedPosition(1, 1, 0));
            using var reading = new CountdownEvent(4);
            var (read, refused, wrong) = (0L, 0, 0);
            var readers = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
            {
                using var value = new PooledBuffer();
                reading.Signal();
                try
                {
                    while (true)
                    {
                        value.Clear();
                        if (!group.Read(Keyspace.User, "k"u8, value, out var header) || header.Revision != 1 || value.Length != 3_000)
                            Interlocked.Increment(ref wrong);
                        Interlocked.Increment(ref read);
                    }
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref refused);
                }
            }) { IsBackground = true }).ToList();
            readers.ForEach(t => t.Start());
            reading.Wait();
            store.Dispose();
            // A reader that is not refused reads on for ever, in a store that is closed.
            Assert.All(readers, t => Assert.True(t.Join(TimeSpan.FromSeconds(20))));
            Assert.Equal((4, 0), (refused, wrong));
        }
    }
}
