#!/usr/bin/env bash
# Usage: tests/slurm/one_node.sh FOLDER COMMAND [arguments]
# Runs a command on a slurm cluster of one node, this machine, and ends the cluster with
# it. Needs Debian's packages slurm-wlm and munge; neither systemd, cgroups nor root.
# Keys, sockets, logs and state lie in the folder, which must be new; nothing in /etc is
# read or written. The command finds the partition "debug" with four processors.
set -euo pipefail
if [ "$#" -lt 2 ]; then
    sed -n '2,6s/^# //p' "$0" >&2
    exit 2
fi
PATH=$PATH:/usr/sbin:/sbin
for program in munged munge slurmctld slurmd srun sbatch; do
    if ! command -v "$program" >/dev/null; then
        echo "$program is missing: apt-get install slurm-wlm munge" >&2
        exit 77
    fi
done
mkdir -m 700 "$1" || exit 2
folder=$(cd "$1" && pwd)
shift
mkdir "$folder/state" "$folder/spool"
node=$(hostname -s)
user=$(id -un)
pids=()

stop() {
    code=$?
    trap - EXIT
    scancel --full --signal=KILL --user="$user" 2>/dev/null || true
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        kill "${pids[i]}" 2>/dev/null || true
        wait "${pids[i]}" 2>/dev/null || true
    done
    exit "$code"
}
trap stop EXIT
trap 'exit 143' TERM INT HUP

until_true() {
    for _ in $(seq 150); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.2
    done
    echo "one_node.sh: gave up waiting for: $*" >&2
    tail -n 20 "$folder"/*.log "$folder"/*.out >&2 || true
    exit 1
}

free_ports() {
    python3 - <<'END'
import socket
sockets = [socket.socket() for _ in range(2)]
for s in sockets:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))
END
}

(umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
# Without --force, munged wants to be reachable for all users.
munged --foreground --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
    --pid-file="$folder/munged.pid" --seed-file="$folder/munge.seed" \
    --log-file="$folder/munged.log" >"$folder/munged.out" 2>&1 &
pids+=($!)

read -r control_port node_port < <(free_ports)
cat >"$folder/slurm.conf" <<END
ClusterName=one
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$control_port
SlurmdPort=$node_port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
# A job that is put back waits until its old credential is out of date; 5 s at least.
AuthInfo=socket=$folder/munge.socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,batch_sched_delay=0
MpiDefault=none
SwitchType=switch/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=60
NodeName=$node NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=debug Nodes=$node Default=YES State=UP
END
export SLURM_CONF=$folder/slurm.conf
until_true munge --socket="$folder/munge.socket" --no-input
slurmctld -D >"$folder/slurmctld.log" 2>&1 &
pids+=($!)
slurmd -D >"$folder/slurmd.log" 2>&1 &
pids+=($!)
until_true sh -c 'sinfo --noheader --format=%t | grep -qx idle'
"$@"
