#!/usr/bin/env bash
# What slurm_train.sh submits: slurm_job.sh TOOLS CONFIG [options of train.py]
# study.py --slurm submits it without a config, and with STUDY_FOLDER, as an array.
set -uo pipefail
tools=$1
job=$SLURM_JOB_ID
if [ -n "${STUDY_FOLDER:-}" ]; then
    # The number of the last task is that of the whole array, too.
    job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
    command=(python -u -m mmseg_semisup.study.array_task "$STUDY_FOLDER")
else
    # A job that was requeued has the same number, and goes on from its own checkpoints.
    command=(python -u "$tools/train.py" "${@:2}" --job "$job" --launcher slurm)
fi
# Slurm signals this shell, too, when it ends the job: wait for the checkpoint.
trap : TERM USR1
# After preemption every process leaves with its own exit code, so one that has left
# must not end the others at once; it does after --wait seconds, should they hang.
# shellcheck disable=SC2086  # SRUN_ARGS holds several arguments
srun --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" \
    --kill-on-bad-exit=0 \
    --wait=60 \
    ${SRUN_ARGS:-} \
    "${command[@]}" &
step=$!
while true; do
    wait "$step"
    code=$?
    kill -0 "$step" 2>/dev/null || break
done
# 138: USR1 came before the training could listen to it. Slurm itself has requeued or
# cancelled a job that is no longer running.
state=$(squeue --noheader --format=%T --jobs="$job")
if [[ "$code" =~ ^(75|138)$ ]] && [ "$state" = RUNNING ]; then
    echo "job $job was told to leave: it goes back into the queue"
    scontrol requeue "$job"
fi
exit "$code"
