#!/usr/bin/env bash
# Three etcd processes on loopback (package etcd-server) under writes of 256 bytes and linearizable reads. etcd speaks gRPC, not RESP, so its own
# load generator is used: `benchmark` of the etcd repository (go install go.etcd.io/etcd/tools/benchmark/v3@latest), which must be on the PATH.
# Usage: etcd.sh [--total N]
set -euo pipefail

total=20000
while [ $# -gt 0 ]; do
    case "$1" in
        --total) total=$2; shift ;;
        *) echo "usage: $0 [--total N]" >&2; exit 2 ;;
    esac
    shift
done
for program in etcd benchmark; do
    command -v "$program" > /dev/null || { echo "$program is not on the PATH" >&2; exit 1; }
done

port=${PORT:-23790}
directory=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" || true; wait "$pid" || true; done 2>/dev/null; rm -rf "$directory"' EXIT

peer() { echo "http://127.0.0.1:$((port + 10 + $1))"; }
client() { echo "http://127.0.0.1:$((port + $1))"; }
cluster="e1=$(peer 1),e2=$(peer 2),e3=$(peer 3)"
for i in 1 2 3; do
    etcd --name "e$i" --data-dir "$directory/e$i" --initial-cluster "$cluster" --initial-cluster-state new \
        --listen-peer-urls "$(peer $i)" --initial-advertise-peer-urls "$(peer $i)" \
        --listen-client-urls "$(client $i)" --advertise-client-urls "$(client $i)" > "$directory/e$i.log" 2>&1 &
    pids+=($!)
done
for _ in $(seq 100); do
    curl -sf "$(client 1)/health" > "$directory/health" && break
    sleep 0.1
done

endpoints="$(client 1),$(client 2),$(client 3)"
for clients in 1 16 64 256; do
    echo "put, $clients clients"
    benchmark --endpoints="$endpoints" --target-leader --conns="$clients" --clients="$clients" put --key-size=16 --val-size=256 --key-space-size=100000 \
        --total=$((clients == 1 ? total / 10 : total)) | grep -E 'Requests/sec|50% in|99% in'
done
for clients in 1 64 256; do
    echo "linearizable range, $clients clients"
    benchmark --endpoints="$endpoints" --conns="$clients" --clients="$clients" range key --total=$((clients == 1 ? total / 10 : total)) \
        | grep -E 'Requests/sec|50% in|99% in'
done
