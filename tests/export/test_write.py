"""`hrpose export` from the command line: what it prints, refuses and writes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hrpose.apis import init_model
from hrpose.cli.export import main
from hrpose.config import load_config
from hrpose.datasets.transforms import MultiScaleWarp
from hrpose.errors import UserError
from hrpose.export import write
from hrpose.export.runtime import load_graph
from hrpose.export.write import describe, export_model
from tests.export import cases


@pytest.fixture
def config(tiny_coco, tiny_config) -> Path:
    """A config of two convolutions with tiny training and validation data."""
    backbone = f"dict(_delete_=True, type='{cases.OneConvolution.__name__}')"
    base = tiny_config(tiny_coco(images=6))
    path = base.with_name('small.py')
    path.write_text(f'_base_ = [{str(base)!r}]\nmodel = dict(backbone={backbone}, head=dict(init_cfg=[]))\n')
    return path


def export(config: Path, out: Path, *words: object) -> None:
    main([str(config), '--to', 'onnx', '--out', str(out), *map(str, words)])


def test_the_command_calibrates_and_verifies_on_the_configs_data(config, tmp_path, capsys):
    torch.manual_seed(0)
    model = init_model(load_config(config))
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, tmp_path / 'weights.pth')
    export(config, tmp_path / 'net.onnx', tmp_path / 'weights.pth', '--int8', '--flip-test', '--batch', '3', '--verify')
    said = capsys.readouterr().out
    size = (tmp_path / 'net.onnx').stat().st_size / 1e6
    assert f'{tmp_path}/net.onnx: int8, flip test on, {size:.1f} MB\n6 crops: largest difference' in said
    assert 'int8 allows a median of 0.5 and 0.1\n' in said
    assert 'warning' not in said
    metadata = load_graph(tmp_path / 'net.onnx')[1]
    assert (metadata.precision, metadata.flip_test, metadata.batch) == ('int8', True, 3)
    assert 'OneConvolution' in metadata.config
    assert sorted(path.name for path in tmp_path.glob('*.onnx')) == ['net.onnx']


def test_without_a_checkpoint_the_command_warns_and_a_difference_fails(config, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('hrpose.export.verify.TOLERANCES', {'fp16': (-1.0, 1.0)})
    image = tmp_path / 'tiny' / 'train' / '000.jpg'
    with pytest.raises(UserError, match='net.onnx differs from PyTorch by more than its tolerance; do not use it'):
        export(config, tmp_path / 'net.onnx', '--fp16', '--verify', image)
    said = capsys.readouterr().out
    assert 'warning: no checkpoint is given, so the weights are initial ones' in said
    assert '1 crops: largest difference' in said and 'fp16 allows a median of -1 and 1' in said


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--out', 'net.pt2'], 'net.pt2: a file of onnx ends in .onnx; give such a name'),
        (['--bf16'], "onnx has no precision 'bf16'; choices: fp32, fp16, int8"),
        (['--to', 'torch-export', '--out', 'net.pt2', '--int8'], "has no precision 'int8'; choices: fp32, fp16, bf16"),
        (['--batch', '0'], "--batch 0: give a number from 1 to 4096, or 'dynamic'"),
        (['--batch', 'many'], '--batch many: give a number'),
        (['--calibrate', 'images'], '--calibrate has no effect without --int8; leave it out'),
        (['--verify', 'nowhere.jpg'], 'there is no nowhere.jpg'),
        (['--boxes', 'boxes.json'], '--boxes has no effect'),
        (['nothing.pth'], 'nothing.pth'),
    ],
)
def test_a_wrong_option_is_a_sentence(words, said, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        export(config, Path('net.onnx'), *words)
    assert [*tmp_path.glob('net.*')] == []


def test_a_missing_package_is_a_sentence(model, tmp_path, monkeypatch):
    monkeypatch.setattr(write, 'find_spec', lambda name: None if name == 'onnxscript' else name)
    with pytest.raises(UserError, match=r"onnxscript is missing, .*; pip install 'hrpose\[export\]'"):
        export_model(model, tmp_path / 'net.onnx', to='onnx')


def test_an_unknown_form_is_a_sentence(model, tmp_path):
    with pytest.raises(UserError, match="there is no form 'onx' of export; nearest: onnx"):
        export_model(model, tmp_path / 'net.onnx', to='onx')


def test_int8_without_crops_is_a_sentence(model, tmp_path):
    with pytest.raises(UserError, match='int8 needs crops to take its ranges from, and none are given'):
        export_model(model, tmp_path / 'net.onnx', to='onnx', precision='int8')


def test_a_pipeline_that_the_runtime_lacks_is_a_sentence(config):
    model = init_model(load_config(config))
    for step in model.cfg.test_dataloader.dataset.pipeline:
        if step.type == 'WarpAffine':
            step.type = MultiScaleWarp.__name__
    with pytest.raises(UserError, match='has the steps PadBox, MultiScaleWarp, PackPose .*, but'):
        describe(model, flip_test=False, precision='fp32', batch=0)


def test_a_network_that_is_no_pose_estimator_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match='Linear cannot be exported; only a TopdownPoseEstimator can'):
        export_model(torch.nn.Linear(1, 1), tmp_path / 'net.onnx', to='onnx')


def test_the_padding_of_the_config_is_described(config):
    text = config.read_text()
    steps = "[dict(type='LoadImage'), dict(type='PadBox', padding=1.5), dict(type='WarpAffine'), dict(type='PackPose')]"
    config.write_text(f'{text}test_pipeline = {steps}\n')
    assert describe(init_model(load_config(config)), flip_test=False, precision='fp32', batch=0).padding == 1.5


def test_crops_for_calibration_are_those_of_a_test(config):
    from hrpose.export.crops import crops_of_dataset

    cfg = load_config(config)
    crops = list(crops_of_dataset(cfg, 'train_dataloader', 4))
    again = list(crops_of_dataset(cfg, 'train_dataloader', 4))
    assert len(crops) == 4 and crops[0].shape == (64, 64, 3) and crops[0].dtype == np.uint8
    assert all(np.array_equal(one, other) for one, other in zip(crops, again, strict=True))  # nothing is random


def test_what_the_exporter_cannot_write_is_a_sentence(config, tmp_path, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise torch.onnx.OnnxExporterError('pages') from RuntimeError('no such op\n\nWhile executing %addcmul : [more')

    monkeypatch.setattr(torch.onnx, 'export', fail)
    with pytest.raises(UserError) as caught:
        export_model(init_model(load_config(config)), tmp_path / 'net.onnx', to='onnx')
    assert str(caught.value) == (
        f'the ONNX exporter of PyTorch {torch.__version__} cannot write this network (no such op); a newer one may'
    )
    assert not list(tmp_path.glob('*.onnx'))
