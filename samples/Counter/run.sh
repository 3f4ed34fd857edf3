#!/usr/bin/env bash
# Builds the sample and runs its three instances until Ctrl-C. Data is kept in ./counter-data.
set -euo pipefail
cd "$(dirname "$0")/../.."

dotnet build samples/Counter -c Release -nologo -clp:ErrorsOnly
pids=()
trap 'kill "${pids[@]}"; wait' INT TERM EXIT
for instance in 1 2 3; do
    artifacts/bin/RaftKv.Samples.Counter/release/counter --instance "$instance" &
    pids+=($!)
done
wait
