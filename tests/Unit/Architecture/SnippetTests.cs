using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace RaftKv.Tests.Unit.Architecture;

/// <summary>What the documents show in C# compiles: as the whole Program.cs of a web project that references RaftKv.Hosting.</summary>
public sealed partial class SnippetTests
{
    // What the SDK's ImplicitUsings give a web project.
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Net.Http.Json;
        global using System.Threading;
        global using System.Threading.Tasks;
        global using Microsoft.AspNetCore.Builder;
        global using Microsoft.AspNetCore.Hosting;
        global using Microsoft.AspNetCore.Http;
        global using Microsoft.AspNetCore.Routing;
        global using Microsoft.Extensions.Configuration;
        global using Microsoft.Extensions.DependencyInjection;
        global using Microsoft.Extensions.Hosting;
        global using Microsoft.Extensions.Logging;
        """;

    [Fact]
    public void Every_snippet_of_README_and_docs_compiles()
    {
        var snippets = Documents().SelectMany(d => Fence().Matches(SourceTree.Read(d)).Select(m => (Document: d, Code: m.Groups["code"].Value))).ToList();
        Assert.Contains(snippets, s => s.Document == "README.md");
        foreach (var (document, code) in snippets)
        {
            var errors = Errors(code);
            Assert.True(errors.Length == 0, $"{document}: the snippet does not compile: {errors}\n{code}");
        }
    }

    [Fact]
    public void A_snippet_that_does_not_compile_is_found() => Assert.Contains("builder", Errors("builder.Services.Clear();"), StringComparison.Ordinal);

    private static string Errors(string code)
    {
        var options = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest);
        var assemblies = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        var compilation = CSharpCompilation.Create(
            "snippet",
            [CSharpSyntaxTree.ParseText(ImplicitUsings, options), CSharpSyntaxTree.ParseText(code, options)],
            assemblies.Select(a => MetadataReference.CreateFromFile(a)),
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        return string.Join("; ", compilation.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error).Select(d => d.ToString()));
    }

    private static IEnumerable<string> Documents() =>
        new[] { "README.md" }
            .Concat(new[] { "docs", "samples" }.SelectMany(f => Directory.EnumerateFiles(Path.Combine(SourceTree.Root, f), "*.md", SearchOption.AllDirectories)
                .Select(p => Path.GetRelativePath(SourceTree.Root, p).Replace('\\', '/'))))
            .Order(StringComparer.Ordinal);

    [GeneratedRegex("^```csharp\\r?\\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
