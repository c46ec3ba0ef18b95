#!/usr/bin/env bash
# Detect people in several processes, on one machine or several; see --help:
#   tools/dist_detect_persons.sh DET_CONFIG DET_CHECKPOINT GPUS [options of tools/detect_persons.py]
exec "${PYTHON:-python}" -m hrpose.cli.distributed "$(dirname -- "${BASH_SOURCE[0]}")/detect_persons.py" "$@"
