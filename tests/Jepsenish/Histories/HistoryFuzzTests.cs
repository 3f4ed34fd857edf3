using System.Text;
using RaftKv.Tests.Harness.Fuzz;
using Xunit;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>A history that somebody hands in is judged or refused in a sentence, whatever is in it.</summary>
public class HistoryFuzzTests
{
    private static readonly string[] Histories =
    [
        """
        {"process":0,"type":"invoke","f":"write","key":"k","value":1,"time":10}
        {"process":1,"type":"invoke","f":"read","key":"k","time":11}
        {"process":0,"type":"ok","f":"write","key":"k","value":1,"time":12}
        {"process":1,"type":"ok","f":"read","key":"k","value":1,"time":13}
        {"process":2,"type":"invoke","f":"cas","key":"k","value":[1,2],"time":14}
        {"process":2,"type":"info","f":"cas","key":"k","value":[1,2],"time":15}
        """,
        """
        {:process 0, :type :invoke, :f :append, :key "0", :value "x 0 0 y"}
        {:process 0, :type :ok, :f :append, :key "0", :value "x 0 0 y"}
        {:process 1, :type :invoke, :f :get, :key "0", :value nil}
        {:process 1, :type :ok, :f :get, :key "0", :value "x 0 0 y"}
        """,
        """
        ; EDN in a vector
        [#jepsen.history.Op{:process 0, :type :invoke, :f :cas, :key "0", :value [1 2]} #_ {:a #{1}}
         {:process 0, :type :ok, :f :cas, :key "0", :value [1 2]}]
        """,
        """[{"process":0,"type":"invoke","f":"write","key":"k","value":1}, {"process":0,"type":"ok","f":"write","key":"k","value":1}]""",
        "INFO  jepsen.util - 3\t:invoke\t:cas\t[1 4]\nINFO  jepsen.util - 3\t:fail\t:cas\t[1 4]\nINFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:read\tnil\n",
    ];

    [Fact]
    public void Histories_are_judged_or_refused()
    {
        var path = Path.GetTempFileName();
        try
        {
            Fuzzer.Run(
                new FuzzTarget
                {
                    Corpus = [.. Histories.Select(Encoding.UTF8.GetBytes)],
                    Read = bytes =>
                    {
                        File.WriteAllBytes(path, bytes);
                        return HistoryFile.Check(HistoryFile.Read(path)).Keys.Count > 0;
                    },
                    Refusals = [typeof(InvalidDataException)],
                    FixedBytes = 16 << 20,
                    BytesPerByte = 4096,
                },
                2_000);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
