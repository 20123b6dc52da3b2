#!/usr/bin/env bash
# Starts a script of this folder in several processes.
# Usage: tools/dist_run.sh PROCESSES SCRIPT [options of the script]
# On several machines, set NNODES, NODE_RANK, MASTER_ADDR and PORT. On one, a free port
# is chosen unless PORT names one.
set -euo pipefail
if [ "$#" -lt 2 ]; then
    sed -n '3,5s/^# //p' "$0" >&2
    exit 2
fi
root=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
if [ "${NNODES:-1}" = 1 ] && [ -z "${PORT:-}" ]; then
    meeting=(--standalone --local-addr=127.0.0.1)
else
    meeting=(
        --nnodes="${NNODES:-1}"
        --node_rank="${NODE_RANK:-0}"
        --master_addr="${MASTER_ADDR:-127.0.0.1}"
        --master_port="${PORT:-29500}"
    )
fi
exec python -m torch.distributed.run "${meeting[@]}" --nproc_per_node="$1" "${@:2}"
