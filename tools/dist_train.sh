#!/usr/bin/env bash
# Trains in several processes, on one machine or more.
# Usage: tools/dist_train.sh CONFIG PROCESSES [options of train.py]
# On several machines, set NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail
if [ "$#" -lt 2 ]; then
    sed -n '3,4s/^# //p' "$0" >&2
    exit 2
fi
tools=$(cd "$(dirname "$0")" && pwd)
exec bash "$tools/dist_run.sh" "$2" "$tools/train.py" "$1" --launcher pytorch "${@:3}"
