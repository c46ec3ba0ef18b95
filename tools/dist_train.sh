#!/usr/bin/env bash
# Train in several processes, on one machine or several; see --help:
#   tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
# On several machines, on each: NNODES=2 NODE_RANK=0 MASTER_ADDR=first-machine PORT=29500 tools/dist_train.sh …
exec "${PYTHON:-python}" -m hrpose.cli.distributed "$(dirname -- "${BASH_SOURCE[0]}")/train.py" "$@"
