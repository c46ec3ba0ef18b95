#!/usr/bin/env bash
# Make .venv with everything hrpose needs, at the versions in requirements/constraints-3.*.txt.
# `make setup` runs it. It does nothing if nothing changed, and can be interrupted and run again.
#   PYTHON  Python interpreter to make it with (default: python3)
#   VENV    folder to make it in (default: .venv)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
LOG=$VENV/setup.log
STAMP=$VENV/setup.stamp

# The versions of Python that packages are pinned for, and the newest of them.
TRIED=$(ls requirements/constraints-3.*.txt | sed 's/.*constraints-\(3\.[0-9]*\)\.txt/\1/' | sort -V | xargs)
NEWEST=${TRIED##* }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

# A hash of all that the environment depends on; also of its folder, because an environment cannot be moved.
fingerprint() {
    { cat requirements/*.txt setup.py tools/setup_env.sh && pwd; } | sha256sum | cut -d ' ' -f 1
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

check_python() {
    local found
    command -v "$1" >/dev/null || fail "'$1' not found; install Python ${TRIED// /, }, or say where it is:" \
        "make setup PYTHON=/path/to/python$NEWEST VENV=.venv"
    found=$(version_of "$1") || fail "'$1' does not run; see the message above"
    PINS=requirements/constraints-$found.txt
    [ -f "$PINS" ] || fail "'$1' is Python $found, but hrpose was tested on Python ${TRIED// /, } only;" \
        "remove $VENV if it was made with another version, and say where one of these is:" \
        "make setup PYTHON=/path/to/python$NEWEST VENV=.venv"
}

# Keep a working environment, with the build of PyTorch that the user may have installed; replace an incomplete one.
make_venv() {
    if "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        check_python "$VENV/bin/python"
        return
    fi
    check_python "$PYTHON"
    "$PYTHON" -m venv --clear "$VENV" || fail "'$PYTHON -m venv' failed;" \
        'on Debian: apt-get install python3-venv'
}

pip() {
    "$VENV/bin/python" -m pip "$@"
}

# step NUMBER TITLE COMMAND...: print one line; the output of the command goes to the log.
# Bash ignores `set -e` in here, so a command of several lines has to return its failures itself.
step() {
    local began=$SECONDS
    printf '  [%s/5] %-62s ' "$1" "$2"
    if ! "${@:3}" >>"$LOG" 2>&1 </dev/null; then
        printf 'failed\n\n'
        tail -n 25 "$LOG" >&2
        fail "the setup stopped at '$2'; see $LOG for the whole output, then run 'make setup' again"
    fi
    printf '%4d s\n' $((SECONDS - began))
}

install_base() {
    pip install -c "$PINS" pip setuptools wheel cython numpy
}

install_torch() {
    pip install -c "$PINS" torch
}

# The list is complete, so pip need not resolve dependencies (--no-deps). This keeps opencv-python out, which would
# overwrite files of opencv-python-headless. onedl-mmcv is built in isolation, where it does not find PyTorch, and
# therefore leaves out its compiled ops.
install_pinned() {
    if pip show --quiet opencv-python; then
        pip uninstall --yes opencv-python opencv-python-headless || return
    fi
    grep -vE '^(pip|torch|opencv-python|xtcocotools)==' "$PINS" >"$VENV/pinned.txt" || return
    pip install --no-deps --build-constraint "$PINS" -r "$VENV/pinned.txt"
}

# Optional. It is compiled, because its wheels do not work with NumPy 2; pip would keep a wheel of this version, so
# remove one that cannot be imported. Where it cannot be compiled, another backend evaluates.
install_xtcocotools() {
    "$VENV/bin/python" -c 'import xtcocotools.mask' || pip uninstall --yes xtcocotools
    pip install --no-deps --no-build-isolation --no-binary xtcocotools -c "$PINS" xtcocotools &&
        "$VENV/bin/python" -c 'import xtcocotools.mask' && return
    pip uninstall --yes xtcocotools
    SKIPPED="xtcocotools could not be compiled and is left out; nothing else needs it (why: $LOG)"
}

install_hrpose() {
    pip install --no-deps --no-build-isolation --editable . &&
        "$VENV/bin/python" -c 'import cv2, hrpose, mmcv, mmdet, mmengine, torch' &&
        "$VENV/bin/python" -c 'import faster_coco_eval, pycocotools.mask'
}

if [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(fingerprint)" ]; then
    exit 0
fi

make_venv
echo "Setting up $VENV (Python $(version_of "$VENV/bin/python"), $(grep '^torch==' "$PINS"); a minute or two):"
rm -f "$STAMP" "$LOG"
step 1 'pip, NumPy and what builds packages' install_base
step 2 'PyTorch (0.2 GB for CPU only; some GB with CUDA)' install_torch
step 3 'mmengine, mmcv, mmdet and the other pinned packages' install_pinned
step 4 'xtcocotools, compiled here, if possible' install_xtcocotools
step 5 'hrpose itself, editable; test imports' install_hrpose
fingerprint >"$STAMP"
[ -z "${SKIPPED:-}" ] || echo "$SKIPPED"
echo "Ready: $VENV/bin/python"
