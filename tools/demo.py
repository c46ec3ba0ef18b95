"""Train and test a small HRNet on generated people: `make demo` runs this.

Every step is a command that is printed before it runs. Existing results are reused, and an interrupted training
continues.
"""

import argparse
import json
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from hrpose.cli.run import run
from hrpose.errors import UserError

CONFIG = 'configs/hrnet_w16_synthetic_128x96_best.py'
SHEET_PEOPLE, SHEET_COLUMNS = 24, 8


def main() -> None:
    """Run the steps and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', default='data/synthetic', help='folder of the generated people')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'))
    parser.add_argument('--train', type=int, default=2000, help='training images')
    parser.add_argument('--val', type=int, default=200, help='validation images')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='for training and testing')
    arguments = parser.parse_args()
    began, work_dir = time.time(), arguments.work_dir
    overrides = [f'data_root={arguments.data}', *arguments.cfg_options]

    make_data('1/4  data', arguments.data, arguments.train, arguments.val)
    checkpoint = train('2/4  training', CONFIG, work_dir, overrides)
    predictions, drawings = work_dir / 'predictions.pkl', work_dir / 'images'
    test = ['tools/test.py', CONFIG, checkpoint, '--work-dir', work_dir / 'test', '--dump', predictions]
    step('3/4  testing', *test, '--show-dir', drawings, '--cfg-options', *overrides)
    print('\n4/4  drawing')
    from hrpose.analysis.ap_ceiling import ceiling_of_config

    ceiling = ceiling_of_config(demo_config(CONFIG, overrides))
    sheet, curve = draw(work_dir, predictions, ceiling['coco/AP'])
    report(read_metrics(work_dir / 'test'), ceiling, time.time() - began)
    print(f'contact sheet   {sheet}\nloss and AP     {curve}\nevery image     {drawings}/')
    print('\nNext, with COCO in data/coco:\n    .venv/bin/python tools/train.py configs/hrnet_w32_coco_256x192.py')


def make_data(title: str, folder: str, train: int, val: int) -> None:
    """Generate people into `folder`, unless they exist."""
    step(title, 'tools/data/make_synthetic.py', folder, '--train', train, '--val', val)


def train(title: str, config: str, work_dir: Path, overrides: list[str]) -> Path:
    """Train a config to its end, or continue its training; return the checkpoint of the last epoch."""
    checkpoint = work_dir / f'epoch_{demo_config(config, overrides).train_cfg.max_epochs}.pth'
    if checkpoint.is_file():
        print(f'\n{title}: {checkpoint} exists')
    else:
        words = ['tools/train.py', config, '--work-dir', work_dir, '--resume', *precision()]
        step(title, *words, '--cfg-options', *overrides)
    return checkpoint


def step(title: str, *words: Any) -> None:
    """Run a tool and show its progress; if it fails, end the demo with the tool's last lines."""
    command = [str(word) for word in words]
    print(f'\n{title}\n$ python {" ".join(command)}', flush=True)
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    kept = []
    for line in process.stdout or ():
        kept.append(line)
        if shown(line, command[0]):
            print('  ' + line.rstrip(), flush=True)
    if process.wait() != 0:
        raise UserError(f'{command[0]} failed:\n{"".join(kept[-15:])}')


def shown(line: str, tool: str) -> bool:
    """Return whether to show a line of a tool: all lines of the generator, progress and warnings of the others."""
    if 'synthetic' in tool:
        return bool(line.strip())
    return any(word in line for word in ('Epoch(', ' people from ', 'matched', ' written to ', ' ERROR ', 'error:'))


def precision() -> list[str]:
    """Return --amp on a GPU or on a CPU that is faster in bf16; otherwise say so."""
    import torch

    from hrpose.hardware import bf16_is_faster

    if torch.cuda.is_available() or bf16_is_faster():
        return ['--amp']
    print('\nThis CPU is not faster in bf16, so the demo computes in fp32.')
    return []


def demo_config(config: str, overrides: list[str]) -> Any:
    """Return the linked config of a training."""
    from hrpose.config import load_config, parse_options

    return load_config(config, parse_options(overrides))


def draw(work_dir: Path, predictions: Path, ceiling: float) -> tuple[Path, Path]:
    """Draw the contact sheet, with one person an image, and the training curves; return both files."""
    from hrpose.analysis.curves import plot_training, read_run
    from hrpose.datasets.metainfo import resolve
    from hrpose.images.files import save_image
    from hrpose.visualization import prediction_sheet

    people = pickle.loads(predictions.read_bytes())  # safe: the step before wrote it
    one_an_image = list({person['img_path']: person for person in people}.values())[:SHEET_PEOPLE]
    sheet = prediction_sheet([(person['img_path'], person) for person in one_an_image], resolve('coco'), SHEET_COLUMNS)
    save_image(work_dir / 'contact_sheet.png', sheet)
    return work_dir / 'contact_sheet.png', plot_training(read_run(work_dir), work_dir / 'curve.png', ceiling=ceiling)


def read_metrics(work_dir: Path) -> dict[str, float]:
    """Return the metrics of the newest test in `work_dir`."""
    newest = max(work_dir.glob('*/*.json'), key=lambda path: path.stat().st_mtime)
    return json.loads(newest.read_text())


def report(metrics: dict[str, float], ceiling: dict[str, float], seconds: float) -> None:
    """Print the table of metrics and their ceiling."""
    from hrpose.evaluation.functional.coco_ap import COCO_METRICS

    print(f'\nOn images that the network has not seen ({seconds / 60:.1f} minutes in all):\n')
    print('            ' + ''.join(f'{name:>7}' for name in COCO_METRICS))
    for title, values in (('measured', metrics), ('ceiling', ceiling)):
        print(f'{title:12}' + ''.join(f'{values[f"coco/{name}"]:7.3f}' for name in COCO_METRICS))
    print('The ceiling is the score of the ground truth after a round trip through heatmaps of this size.\n')


if __name__ == '__main__':
    run(main)
