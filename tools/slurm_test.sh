#!/usr/bin/env bash
# Tests a checkpoint on a slurm cluster, and waits for the result.
# Usage: tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options of test.py]
# GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS say how much to ask for; GPUS=0
# TASKS=N tests with N processes on CPUs.
set -euo pipefail
if [ "$#" -lt 4 ]; then
    sed -n '3,5s/^# //p' "$0" >&2
    exit 2
fi
tools=$(cd "$(dirname "$0")" && pwd)
gpus=${GPUS:-4}
export PYTHONPATH="$(dirname "$tools")${PYTHONPATH:+:$PYTHONPATH}"
resources=(--ntasks="${TASKS:-$gpus}" --cpus-per-task="${CPUS_PER_TASK:-5}")
if [ "$gpus" -gt 0 ]; then
    per_node=${GPUS_PER_NODE:-$gpus}
    resources+=(--gres="gpu:$per_node" --ntasks-per-node="$per_node")
fi
# shellcheck disable=SC2086  # SRUN_ARGS holds several arguments
exec srun --partition="$1" \
    --job-name="$2" \
    "${resources[@]}" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    python -u "$tools/test.py" "$3" "$4" --launcher slurm "${@:5}"
