using System.Net;
using RaftKv.Consensus.Transport;
using Xunit;

namespace RaftKv.Tests.Unit.Transport;

/// <summary>Time is what the tests say: keep-alives arrive every 25 ms, give or take.</summary>
public class SilenceDetectorTests
{
    private const int Tick = 5;

    private readonly SilenceDetector _detector = new(new TransportOptions { Listen = new IPEndPoint(IPAddress.Loopback, 0) });
    private long _bytes;
    private long _keepAlives;

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    public void A_regular_peer_is_suspected_after_a_few_intervals(int jitter)
    {
        Run(200, jitter);
        Assert.InRange(SilenceUntilSuspected(), 100, 200);
    }

    [Fact]
    public void A_peer_that_was_never_heard_is_suspected_at_the_fixed_limit_at_the_latest() => Assert.InRange(SilenceUntilSuspected(), 0, 250);

    [Fact]
    public void A_peer_whose_keep_alives_come_irregularly_is_granted_more_and_the_fixed_limit_holds()
    {
        Run(200, jitter: 80);
        Assert.InRange(SilenceUntilSuspected(), 205, 250);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(40)]
    public void A_living_peer_is_never_suspected(int jitter) => Run(20_000, jitter);

    /// <summary>A large frame keeps keep-alives back, and the detector takes no beat after a silence that it would have suspected.</summary>
    [Fact]
    public void Other_bytes_are_a_sign_of_life_and_the_rhythm_is_found_again_behind_them()
    {
        Run(200, jitter: 0);
        for (var passed = 0; passed < 2000; passed += Tick)
        {
            _bytes += 1000;
            Assert.Null(_detector.Look(Tick, _bytes, _keepAlives));
        }

        Run(200, jitter: 0);
        Assert.InRange(SilenceUntilSuspected(), 100, 200);
    }

    private void Run(int keepAlives, int jitter)
    {
        var random = new Random(7);
        for (var i = 0; i < keepAlives; i++)
        {
            for (var left = 25 + random.Next(-Math.Min(jitter, 20), jitter + 1); left > 0; left -= Tick)
                Assert.Null(_detector.Look(Math.Min(Tick, left), _bytes, _keepAlives));
            _bytes += 32;
            _keepAlives++;
            Assert.Null(_detector.Look(0, _bytes, _keepAlives));
        }
    }

    private int SilenceUntilSuspected()
    {
        var silent = 0;
        while (_detector.Look(Tick, _bytes, _keepAlives) is null)
            silent += Tick;
        return silent + Tick;
    }
}
