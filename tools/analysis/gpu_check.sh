#!/usr/bin/env bash
# Check and measure hrpose on a GPU machine without network: install the wheels that tools/analysis/gpu_wheels.sh
# collected beside the PyTorch of that machine, and run gpu_check.py.
#   tools/analysis/gpu_check.sh FOLDER [arguments of gpu_check.py]
#   PYTHON  that has PyTorch (default: python3)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

PYTHON=${PYTHON:-python3}
case ${1:-} in
'' | -*)
    sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
FOLDER=$1
[ -d "$FOLDER" ] || {
    echo "error: no folder $FOLDER; tools/analysis/gpu_wheels.sh makes it" >&2
    exit 2
}
SITE=$(mktemp -d)
trap 'rm -rf "$SITE"' EXIT
"$PYTHON" -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --target "$SITE" "$FOLDER"/*.whl
CROPS=()
[ -d "$FOLDER/crops" ] && CROPS=(--crops "$FOLDER/crops")
PYTHONPATH=$PWD:$SITE PYTHONUNBUFFERED=1 "$PYTHON" tools/analysis/gpu_check.py "${CROPS[@]}" "${@:2}"
