#!/usr/bin/env bash
# Tests a checkpoint in several processes, on one machine or more.
# Usage: tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of test.py]
# On several machines, set NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail
if [ "$#" -lt 3 ]; then
    sed -n '3,4s/^# //p' "$0" >&2
    exit 2
fi
tools=$(cd "$(dirname "$0")" && pwd)
exec bash "$tools/dist_run.sh" "$3" \
    "$tools/test.py" "$1" "$2" --launcher pytorch "${@:4}"
