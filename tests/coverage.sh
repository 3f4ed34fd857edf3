#!/usr/bin/env bash
# Line coverage of src/Consensus and src/Engine by the whole suite: two percentages. A line is covered if any test project reaches it. Needs awk; builds and tests take as long as they take.
set -euo pipefail
cd "$(dirname "$0")/.."
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
status=0
dotnet test RaftKv.sln -c Release --collect "XPlat Code Coverage" --results-directory "$results" "$@" \
  -- RunConfiguration.MaxCpuCount=1 DataCollectionRunSettings.DataCollectors.DataCollector.Configuration.Include="[RaftKv.Consensus]*,[RaftKv.Engine]*" || status=$?
find "$results" -name coverage.cobertura.xml -print0 | xargs -0 cat | awk '
  match($0, /<package name="RaftKv\.[A-Za-z]+"/) { part = substr($0, RSTART + 22, RLENGTH - 23) }
  match($0, /filename="[^"]*"/) { file = substr($0, RSTART + 10, RLENGTH - 11); gsub(/\\/, "/", file); sub(/^.*src\/(Engine|Consensus)\//, "", file) }
  match($0, /<line number="[0-9]+"/) {
    line = substr($0, RSTART + 14, RLENGTH - 15)
    if (file ~ /(^|\/)(obj|artifacts)\//) next
    key = part "/" file ":" line
    if (!(key in seen)) { seen[key] = 1; lines[part]++ }
    if ($0 !~ /hits="0"/ && !(key in hit)) { hit[key] = 1; covered[part]++ }
  }
  END { for (part in lines) printf "src/%s: %.1f %% of %d lines\n", part, 100 * covered[part] / lines[part], lines[part] }' | sort
exit $status
