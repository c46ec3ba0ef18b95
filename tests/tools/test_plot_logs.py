"""tools/analysis/plot_logs.py, as a user runs it."""

import json
import re
import runpy
import sys
import warnings
from pathlib import Path

import pytest

from hrpose.images.files import read_image


def write_run(work_dir: Path) -> Path:
    path = work_dir / '20250101_000000/vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    records = [dict(loss=1 / step, lr=1e-3, epoch=1, step=step) for step in (10, 20)]
    records.append({'coco/AP': 0.5, 'coco/AP50': 0.8, 'step': 1})
    path.write_text('\n'.join(json.dumps(record) for record in records))
    return work_dir


@pytest.fixture
def plot_logs(repository, monkeypatch):
    """Run the tool's main in this process, which spares importing PyTorch again."""

    def call(*arguments) -> None:
        script = str(repository / 'tools/analysis/plot_logs.py')
        monkeypatch.setattr(sys, 'argv', [script, *map(str, arguments)])
        monkeypatch.setattr(warnings, 'formatwarning', warnings.formatwarning)
        runpy.run_path(script, run_name='__main__')

    return call


def test_two_runs_and_a_ceiling_make_one_image(plot_logs, tmp_path, capsys):
    runs = [write_run(tmp_path / name) for name in 'ab']
    out = tmp_path / 'plots/curve.png'
    plot_logs(*runs, '--out', out, '--ceiling', 0.93)
    assert f'wrote {out}' in capsys.readouterr().out
    assert read_image(out).std() > 5


def test_the_image_lies_in_the_work_directory_by_default(plot_logs, tmp_path):
    plot_logs(write_run(tmp_path))
    assert (tmp_path / 'curve.png').is_file()


@pytest.mark.parametrize(
    ('folders', 'said'), [(['.'], r'there is no scalars\.json under'), (['a', 'a'], 'given twice')]
)
def test_a_mistake_is_one_sentence_and_no_traceback(plot_logs, tmp_path, capsys, folders, said):
    with pytest.raises(SystemExit) as stop:
        plot_logs(*(tmp_path / folder for folder in folders))
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert re.match(rf'error: .*{said}', message) and message.count('\n') == 1
