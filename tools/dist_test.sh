#!/usr/bin/env bash
# Test in several processes, on one machine or several; see --help:
#   tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of tools/test.py]
# On several machines, on each: NNODES=2 NODE_RANK=0 MASTER_ADDR=first-machine PORT=29500 tools/dist_test.sh …
exec "${PYTHON:-python}" -m hrpose.cli.distributed "$(dirname -- "${BASH_SOURCE[0]}")/test.py" "$@"
