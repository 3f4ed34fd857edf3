#!/usr/bin/env bash
# One Redis with appendfsync always under the loads that RaftKv is measured with; with --replicas, a primary and two replicas, each write followed by WAIT 2.
# Needs redis-server and a Release build of bench/. Usage: redis.sh [--replicas] [--seconds N]
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=5 replicas=0
while [ $# -gt 0 ]; do
    case "$1" in
        --replicas) replicas=2 ;;
        --seconds) seconds=$2; shift ;;
        *) echo "usage: $0 [--replicas] [--seconds N]" >&2; exit 2 ;;
    esac
    shift
done

bench="artifacts/bin/RaftKv.Bench/release/RaftKv.Bench.dll"
port=${PORT:-16400}
directory=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" || true; wait "$pid" || true; done 2>/dev/null; rm -rf "$directory"' EXIT

start() { # port, further arguments...
    mkdir "$directory/$1"
    redis-server --port "$1" --bind 127.0.0.1 --dir "$directory/$1" --appendonly yes --appendfsync always --save '' --repl-diskless-sync-delay 0 "${@:2}" > "$directory/$1.log" &
    pids+=($!)
    for _ in $(seq 100); do
        redis-cli -p "$1" ping > "$directory/ping" 2>&1 && return
        sleep 0.1
    done
    echo "redis-server on port $1 did not start: $(tail -1 "$directory/$1.log")" >&2
    exit 1
}

start "$port"
for i in $(seq "$replicas"); do
    start $((port + i)) --replicaof 127.0.0.1 "$port"
done
if [ "$replicas" -gt 0 ]; then
    # Online, not only connected: a replica that still loads the primary's image acknowledges nothing.
    until [ "$(redis-cli -p "$port" info replication | grep -c state=online)" -eq "$replicas" ]; do sleep 0.1; done
fi

load() { dotnet "$bench" load --endpoints "127.0.0.1:$port" --seconds "$seconds" "$@"; }
for clients in 1 16 64 256; do
    load --mix set --clients "$clients" $([ "$replicas" -eq 0 ] || echo "--wait $replicas")
done
if [ "$replicas" -eq 0 ]; then
    load --mix set --clients 64 --pipeline 16
    for clients in 1 64 256; do load --mix get --clients "$clients"; done
    load --mix get --clients 64 --pipeline 16
fi
