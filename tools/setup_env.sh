#!/usr/bin/env bash
# Make .venv with everything hrpose needs, at the versions in requirements/constraints.txt.
# `make setup` runs it. It does nothing where nothing changed, and can be interrupted and run again.
#   PYTHON  the Python to make it with (default: python3)
#   VENV    where to make it (default: .venv)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
TRIED='3.11' # with PyTorch 2.13; setup.py declares the same
PINS=requirements/constraints.txt
LOG=$VENV/setup.log
STAMP=$VENV/setup.stamp

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

# What the environment depends on. The folder is part of it: an environment does not survive a move.
fingerprint() {
    { cat requirements/*.txt setup.py tools/setup_env.sh && pwd; } | sha256sum | cut -d ' ' -f 1
}

check_python() {
    command -v "$1" >/dev/null || fail "no '$1' on this machine. Install Python $TRIED, or say where" \
        "it is: make setup PYTHON=/path/to/python$TRIED"
    local found
    found=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    [ "$found" = "$TRIED" ] || fail "'$1' is Python $found; hrpose was tried on Python $TRIED only." \
        "Remove $VENV if it was made with another, and say where one is:" \
        "make setup PYTHON=/path/to/python$TRIED"
}

# xtcocotools is compiled: its wheels do not work with NumPy 2.
check_compiler() {
    local headers
    headers=$("$1" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
    { command -v cc && [ -f "$headers/Python.h" ]; } >/dev/null || fail 'one package is compiled, and' \
        'there is no C compiler or no Python.h. On Debian: apt-get install build-essential python3-dev'
}

# An environment that is there is kept, with the build of PyTorch that may have been put into it; one left half
# made is made again.
make_venv() {
    if "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        check_python "$VENV/bin/python"
        return
    fi
    check_python "$PYTHON"
    "$PYTHON" -m venv --clear "$VENV" || fail "'$PYTHON -m venv' failed." \
        'On Debian: apt-get install python3-venv'
}

pip() {
    "$VENV/bin/python" -m pip "$@"
}

# step NUMBER WHAT COMMAND...: one line on the terminal; what pip prints goes to the log.
# Bash ignores `set -e` in here, so a command of several lines has to pass its failures on itself.
step() {
    local began=$SECONDS
    printf '  [%s/5] %-62s ' "$1" "$2"
    if ! "${@:3}" >>"$LOG" 2>&1 </dev/null; then
        printf 'failed\n\n'
        tail -n 25 "$LOG" >&2
        fail "setting up stopped at: $2. The whole output is in $LOG; 'make setup' tries again."
    fi
    printf '%4d s\n' $((SECONDS - began))
}

install_base() {
    pip install -c "$PINS" pip setuptools wheel cython numpy
}

install_torch() {
    pip install -c "$PINS" torch
}

# The list is complete, so pip resolves nothing (--no-deps). That keeps opencv-python out, whose files would
# overwrite those of opencv-python-headless. onedl-mmcv is built in isolation, where it does not see PyTorch,
# and so leaves its compiled ops out.
install_pinned() {
    if pip show --quiet opencv-python; then
        pip uninstall --yes opencv-python opencv-python-headless || return
    fi
    grep -vE '^(pip|torch|opencv-python|xtcocotools)==' "$PINS" >"$VENV/pinned.txt" || return
    pip install --no-deps --build-constraint "$PINS" -r "$VENV/pinned.txt"
}

# To pip a wheel of this version would do, so one that does not import is removed first.
install_xtcocotools() {
    "$VENV/bin/python" -c 'import xtcocotools.mask' || pip uninstall --yes xtcocotools || return
    pip install --no-deps --no-build-isolation --no-binary xtcocotools -c "$PINS" xtcocotools
}

install_hrpose() {
    pip install --no-deps --no-build-isolation --editable . &&
        "$VENV/bin/python" -c 'import cv2, hrpose, mmcv, mmdet, mmengine, torch' &&
        "$VENV/bin/python" -c 'import faster_coco_eval, pycocotools.mask, xtcocotools.mask'
}

if [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(fingerprint)" ]; then
    exit 0
fi

make_venv
check_compiler "$VENV/bin/python"
echo "Setting up $VENV (Python $TRIED, PyTorch 2.13; a minute or two on a fast line):"
rm -f "$STAMP" "$LOG"
step 1 'pip, NumPy and what builds packages' install_base
step 2 'PyTorch (0.2 GB for CPU only; some GB where it brings CUDA)' install_torch
step 3 'mmengine, mmcv, mmdet and the other pinned packages' install_pinned
step 4 'xtcocotools, compiled here' install_xtcocotools
step 5 'hrpose itself, editable; a trial import' install_hrpose
fingerprint >"$STAMP"
echo "Ready: $VENV/bin/python"
