#!/usr/bin/env bash
# Collect what a GPU machine without network needs for tools/analysis/gpu_check.sh: wheels of hrpose's dependencies for
# its Python, mmpose for the comparison, and photographs as packed crops.
#   tools/analysis/gpu_wheels.sh FOLDER [PEOPLE]
# PEOPLE of data/lspet are packed for training (default 2000), and its validation set; without data/lspet none are.
# Packages that a machine with PyTorch usually has are left out: NumPy, SciPy, OpenCV, Matplotlib, Pillow, tqdm, PyYAML,
# TensorBoard, rich, safetensors, psutil, torchvision.
#   PYTHON  of the version that the GPU machine has, with pip, venv and a compiler (default: python3.12)
#   VENV    hrpose's environment (default: .venv)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

PYTHON=${PYTHON:-python3.12}
VENV=${VENV:-.venv}
case ${1:-} in
'' | -*)
    sed -n '2,9s/^# //p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
FOLDER=$1
PEOPLE=${2:-2000}
PACKAGES=(onedl-mmengine onedl-mmcv onedl-mmdetection pycocotools faster-coco-eval simplejpeg addict termcolor yapf
    platformdirs terminaltables shapely)

PINS=requirements/constraints-$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt
pin() { grep -i "^$1==" "$PINS" || echo "$1"; }

mkdir -p "$FOLDER"
for package in "${PACKAGES[@]}"; do
    "$PYTHON" -m pip wheel --quiet --no-deps --wheel-dir "$FOLDER" "$(pin "$package")"
done
# mmpose is only a peer to measure against.
"$PYTHON" -m pip wheel --quiet --no-deps --wheel-dir "$FOLDER" mmpose==1.3.2 json_tricks munkres
# Wheels of xtcocotools break on NumPy 2, so it is compiled. It does not name what it is built with, so pip's isolated
# build fails: an environment has the packages instead.
BUILD=$(mktemp -d)
trap 'rm -rf "$BUILD"' EXIT
"$PYTHON" -m venv "$BUILD"
"$BUILD/bin/pip" install --quiet "$(pin numpy)" "$(pin cython)" "$(pin setuptools)" "$(pin wheel)"
"$BUILD/bin/pip" wheel --quiet --no-deps --no-cache-dir --no-build-isolation --no-binary xtcocotools \
    --wheel-dir "$FOLDER" "$(pin xtcocotools)"

if [ -d data/lspet ]; then
    mkdir -p "$FOLDER/crops/annotations"
    cp data/lspet/annotations/lspet_*.json "$FOLDER/crops/annotations/"
    pack() {
        "$VENV/bin/python" tools/data/pack_crops.py configs/hrnet_w32_lspet_256x192.py "$FOLDER/crops/$1" \
            --format jpeg --quality 75 --cfg-options "${@:2}"
    }
    pack train "train_dataloader.dataset.indices=$PEOPLE"
    pack val train_dataloader.dataset.ann_file=annotations/lspet_val.json
fi
du -sh "$FOLDER"
