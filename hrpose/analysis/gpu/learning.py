"""Train HRNet-W32 on photographs from random weights, for as long as the time allows."""

import json
import time
from pathlib import Path

from hrpose.analysis.gpu.report import Case, Report

NAME = 'hrnet_w32_lspet_256x192'
OVERHEAD = 40.0  # seconds for start, validation and end


def crops_options(case: Case) -> list[str]:
    """Return the options by which the Leeds config reads packed crops instead of photographs."""
    assert case.crops is not None
    pipelines = {part: {'type': 'LoadCrop', 'pack': str(case.crops / part)} for part in ('train', 'val')}
    small = ['model.backbone.arch=w16_small', 'train_dataloader.dataset.indices=64'] if case.small else []
    return [
        *small,
        f'data_root={case.crops}',
        f'train_pipeline.0={pipelines["train"]}',
        f'test_pipeline.0={pipelines["val"]}',
    ]


def run(case: Case, report: Report) -> None:
    """Train, and report PCK and the people a second of the whole run."""
    if case.crops is None:
        report.add('learning', 'left out', 'no packed crops: tools/analysis/gpu_wheels.sh makes them')
        return
    rate = _rate(report)
    people = json.loads((case.crops / 'train' / 'pack.json').read_text())['people']
    epochs = (
        1 if case.small else max(2, int((min(case.learning_seconds, case.seconds_left) - OVERHEAD) * rate / people))
    )
    options = [*crops_options(case), f'train_cfg.max_epochs={epochs}', f'train_cfg.val_interval={epochs}']
    options += [f'param_scheduler.1.milestones=[{int(0.75 * epochs)},{int(0.92 * epochs)}]']
    options += ['default_hooks.checkpoint.interval=1000', 'default_hooks.logger.interval=10']
    if case.small:
        options += ['train_dataloader.batch_size=4', 'train_dataloader.num_workers=1', 'val_dataloader.num_workers=1']
        options += ['val_dataloader.dataset.indices=16']
    folder = case.scratch / 'leeds'
    began = time.perf_counter()
    words = ['tools/train.py', f'configs/{NAME}.py', '--amp', '--work-dir', str(folder)]
    done = case.command(*words, '--cfg-options', *options)
    took = time.perf_counter() - began
    speed = {
        'epochs': epochs,
        'people': people,
        'seconds': took,
        'people_a_second_start_to_end': epochs * people / took,
    }
    result = {'ok': done.returncode == 0, 'metrics': _metrics(folder), 'output': done.stdout[-1500:]}
    report.add('learning', 'HRNet-W32 on Leeds', speed | result)


def _rate(report: Report) -> float:
    """Return the expected people a second: 80 % of what the part 'feeding' measured, to allow for hooks and logs."""
    fed = report.content.get('feeding', {})
    rates = [value['people_a_second_trained'] for name, value in fed.items() if 'crops' in name]
    return 0.8 * max(rates, default=300.0)


def _metrics(folder: Path) -> dict[str, float]:
    """Return the metrics of the last validation."""
    lines = [line for path in sorted(folder.rglob('scalars.json')) for line in path.read_text().splitlines()]
    found = [json.loads(line) for line in lines if 'PCK' in line or 'pck' in line]
    return {key: value for key, value in found[-1].items() if isinstance(value, float)} if found else {}
