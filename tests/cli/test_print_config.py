"""Every value has the file that it was written in, and values that nothing reads are named."""

import re
from pathlib import Path

import pytest

from hrpose.cli.print_config import main

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = [
    *(path for path in sorted(ROOT.glob('configs/**/*.py')) if '_base_' not in path.parts),
    *sorted(ROOT.glob('projects/*/configs/*.py')),
]
BASE = """
scale = 3
codec = dict(type='MSRAHeatmap', input_size=(64, 64), sigma=scale)
model = dict(type='TopdownPoseEstimator', backbone=dict(type='HRNet', arch='w16_small'), head=dict(type='HeatmapHead'))
train_dataloader = dict(batch_size=2, dataset=dict(type='CocoDataset', ann_file='a.json'))
train_pipeline = [dict(type='LoadImage'), dict(type='RandomFlip', prob=0.5)]
"""


@pytest.fixture
def origins(tmp_path, capsys, monkeypatch):
    """Print a config with `text` that inherits from `BASE`; return the file of each value, and the unread values."""
    monkeypatch.chdir(tmp_path)

    def run(text: str, *options: str) -> tuple[dict[str, str], list[str]]:
        Path('base.py').write_text(BASE)
        Path('leaf.py').write_text(f"_base_ = ['base.py']\n{text}\n")
        main(['leaf.py', '--origin', *(['--cfg-options', *options] if options else [])])
        output = capsys.readouterr().out
        files = dict(re.findall(r'^(\S+) = .*?# (.+)$', output, re.M))
        return files, re.findall(r'^nothing reads (.+)$', output, re.M)

    return run


def test_a_value_has_the_file_that_wrote_it_last(origins):
    files, flags = origins("codec = dict(sigma=2)\nmodel = dict(head=dict(_delete_=True, type='HeatmapHead'))")
    assert files['codec.sigma'] == files['model.head.type'] == 'leaf.py'
    assert files['codec.input_size'] == files['model.backbone.arch'] == files['train_pipeline.1.prob'] == 'base.py'
    assert flags == []  # `scale` is a variable: its own file uses it


def test_a_list_is_replaced_whole_and_options_come_last(origins):
    files, _ = origins(
        "train_pipeline = [dict(type='LoadImage'), dict(type='RandomFlip')]", 'train_pipeline.1.prob=0.2'
    )
    assert (files['train_pipeline.0.type'], files['train_pipeline.1.prob']) == ('leaf.py', '--cfg-options')


def test_a_value_in_braces_comes_from_the_file_that_uses_it(origins):
    files, _ = origins('data_root = "x"\nval_cfg = dict(a={{_base_.scale}})')
    assert files['val_cfg.a'] == 'leaf.py'


FAULTS = {
    'a_name': (
        "modle = dict(type='HRNet')",
        'modle (leaf.py): no part of mmengine or hrpose reads this name; nearest: model, codec, compile',
    ),
    'an_argument': (
        'model = dict(backbone=dict(archh=1))',
        'model.backbone.archh (leaf.py): HRNet has no such argument; nearest: arch',
    ),
    'in_a_list': (
        "train_pipeline = [dict(type='LoadImage'), dict(type='RandomFlip', probb=1)]",
        'train_pipeline.1.probb (leaf.py): RandomFlip has no such argument; nearest: prob',
    ),
    'a_table': ('env_cfg = dict(cudnn_benchmrk=True)', 'env_cfg.cudnn_benchmrk (leaf.py): nearest: cudnn_benchmark'),
    'a_default': (
        "data_root = 'a'\ntrain_dataloader = dict(dataset=dict(data_root='b'))",
        'data_root (leaf.py): every data set has a data_root of its own',
    ),
}


@pytest.mark.parametrize(('text', 'flag'), FAULTS.values(), ids=FAULTS)
def test_an_unread_value_is_named_with_its_file(text, flag, origins):
    assert flag in origins(text)[1]


@pytest.mark.parametrize('config', CONFIGS, ids=lambda path: path.stem)
def test_no_shipped_config_has_an_unread_value(config, capsys):
    main([str(config), '--origin'])
    output = capsys.readouterr().out
    assert 'nothing reads' not in output
    assert 'follows from other values' not in output


def test_without_origin_the_whole_config_is_printed(capsys):
    main([str(ROOT / 'configs' / 'hrnet_w16_synthetic_128x96.py')])
    assert 'flip_indices' in capsys.readouterr().out


@pytest.mark.parametrize('text', ["frozen = ['backbone']", 'compile = True', 'find_unused_parameters = True'])
def test_values_that_the_runner_takes_are_read(text, origins):
    assert origins(text)[1] == []
