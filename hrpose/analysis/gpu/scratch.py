"""Data and configs of the GPU check, and commands of hrpose in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

from mmengine.config import Config

from hrpose.analysis.gpu.report import Case
from hrpose.config import load_config, parse_options


def synthetic_folder(case: Case) -> Path:
    """Return the folder of the embedded data set, which is made at the first call."""
    folder = case.scratch / 'synthetic'
    if not (folder / 'annotations').is_dir():
        count = 8 if case.small else 320
        words = [str(folder), '--train', str(count), '--val', str(count // 2), '--workers', str(os.cpu_count())]
        command(case, 'tools/data/make_synthetic.py', *words)
    return folder


def synthetic_options(case: Case) -> list[str]:
    """Return the options that make a COCO config take the embedded data set."""
    return [
        f'data_root={synthetic_folder(case)}',
        'train_dataloader.dataset.ann_file=annotations/person_keypoints_train.json',
        'train_dataloader.dataset.data_prefix.img=train',
        'val_dataloader.dataset.ann_file=annotations/person_keypoints_val.json',
        'val_dataloader.dataset.data_prefix.img=val',
    ]


def synthetic_config(case: Case, name: str) -> Config:
    """Return a shipped COCO config on the embedded data set."""
    return load_config(name, parse_options(synthetic_options(case)))


def command(case: Case, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the repository to its end, or until the check has to be over; its output is kept."""
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(case.root), *sys.path])}
    return subprocess.run(
        [sys.executable, *words],
        cwd=case.root,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=max(5.0, case.seconds_left),
    )
