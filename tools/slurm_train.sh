#!/usr/bin/env bash
# Train in a Slurm job; --help explains.
set -euo pipefail

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 2
}

if [[ " $* " == *' -h '* || " $* " == *' --help '* ]]; then
    cat <<'HELP'
usage: tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of tools/train.py]

Trains in a Slurm job, one process a GPU, and shows its output until it ends.

environment:
  GPUS           number of processes (default 8)
  GPUS_PER_NODE  processes on each machine (default: GPUS, at most 8)
  CPUS_PER_TASK  cores for each process and its loader workers (default 5)
  SRUN_ARGS      further options of srun, for instance --time=2-0
  PORT           port at which the processes meet (default 29500)
  PYTHON         the interpreter (default python)

With GPUS_PER_NODE=0 no GPU is requested, and GPUS processes run on CPUs.
The options are those of: python tools/train.py --help
HELP
    exit
fi

[ $# -ge 3 ] || fail "tools/slurm_train.sh takes PARTITION JOB_NAME CONFIG first, but got ${*:-nothing}; see --help"
partition=$1 job_name=$2 config=$3
shift 3
gpus=${GPUS:-8}
[[ $gpus =~ ^[1-9][0-9]*$ ]] || fail "GPUS has to be a whole number of at least 1, not '$gpus'"
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
cores=${CPUS_PER_TASK:-5}
[[ $per_node =~ ^[0-9]+$ ]] || fail "GPUS_PER_NODE has to be a whole number, not '$per_node'"
[[ $cores =~ ^[1-9][0-9]*$ ]] || fail "CPUS_PER_TASK has to be a whole number of at least 1, not '$cores'"
[ -f "$config" ] || fail "no config file $config"

placement=(--ntasks="$gpus")
if [ "$per_node" -gt 0 ]; then
    ((gpus % per_node == 0)) || fail "GPUS is $gpus, not a multiple of GPUS_PER_NODE=$per_node"
    placement+=(--gres=gpu:"$per_node" --ntasks-per-node="$per_node")
fi
command -v srun >/dev/null || fail 'srun is not installed; run this on a machine of a Slurm cluster'

export MASTER_PORT=${PORT:-29500} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# SRUN_ARGS is several words.
# shellcheck disable=SC2086
exec srun --partition="$partition" --job-name="$job_name" "${placement[@]}" --cpus-per-task="$cores" \
    --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$(dirname -- "${BASH_SOURCE[0]}")/train.py" "$config" --launcher slurm "$@"
