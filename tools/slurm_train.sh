#!/usr/bin/env bash
# Submits a training to a slurm cluster; the job requeues itself and resumes.
# Usage: tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of train.py]
# GPUS, GPUS_PER_NODE and CPUS_PER_TASK say how much to ask for; GPUS=0 TASKS=N trains
# N processes on CPUs. SBATCH_ARGS and SRUN_ARGS hold further options of either.
#
# Submits a batch job, for only those can be requeued: slurm warns it before its time is
# up or before it is preempted, training saves, and the same job goes on later.
set -euo pipefail
if [ "$#" -lt 3 ]; then
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
# shellcheck disable=SC2086  # SBATCH_ARGS holds several arguments
exec sbatch --partition="$1" \
    --job-name="$2" \
    "${resources[@]}" \
    --requeue \
    --signal=USR1@180 \
    --open-mode=append \
    --output="%x-%j.out" \
    ${SBATCH_ARGS:-} \
    "$tools/slurm_job.sh" "$tools" "$3" "${@:4}"
