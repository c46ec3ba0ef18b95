"""`hrpose info` and `hrpose models`."""

import json
from importlib import metadata

import pytest

from hrpose.checkpoints.table import PUBLISHED
from hrpose.cli.main import main
from hrpose.cli.models import USES
from hrpose.config.shipped import config_folder, config_names


@pytest.fixture
def said(capsys):
    def run(*words: str) -> tuple[object, str]:
        status: object = 0
        try:
            main(words)
        except SystemExit as left:
            status = left.code
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return run


def test_models_lists_every_config_and_where_weights_are(said, tmp_path, monkeypatch):
    row = PUBLISHED['hrnet_w32_coco_256x192']
    monkeypatch.setenv('HRPOSE_WEIGHTS', str(tmp_path))
    (tmp_path / row.file).write_text('')
    status, output = said('models')
    lines = {line.split()[0]: ' '.join(line.split()[1:]) for line in output.splitlines() if line.startswith('  ')}
    assert status == 0 and {*config_names(), *PUBLISHED} == set(lines)
    assert lines['hrnet_w32_coco_256x192'].startswith('here HRNet-W32')
    assert lines['hrnet_w48_coco_256x192'].startswith('to download HRNet-W48')
    assert lines['hrnet_w32_imagenet'] == 'to download trained on ImageNet'
    assert lines['hrnet_w32_mpii_256x256_dark'].startswith('to download HRNet-W32 on MPII at 256x256 with DARK')
    assert output.endswith(f'configs  {config_folder()}\nweights  {tmp_path}\n')


def test_models_groups_names_by_what_they_are_for(said):
    status, output = said('models', '--json')
    rows = {row['name']: row for row in json.loads(output)}
    assert status == 0 and set(rows) == {*config_names(), *PUBLISHED}
    ready = {name for name, row in rows.items() if row['use'] == 'infer'}
    assert ready == {name for name in set(config_names()) & set(PUBLISHED) if not name.startswith('detection/')}
    assert {row['use'] for row in rows.values()} == set(USES)
    assert rows['detection/fcos_hrnet_w32_coco'] | {'description': ''} == {
        'name': 'detection/fcos_hrnet_w32_coco', 'use': 'detection', 'weights': '', 'description': ''}  # fmt: skip
    assert rows['detection/rtmdet_m_coco_person']['use'] == 'detection'
    assert rows['detection/rtmdet_m_coco_person']['weights']
    _, output = said('models', 'hrnet_w48_imagenet')
    assert [line.split(' ')[0] for line in output.splitlines() if not line.startswith(' ')] == [
        'backbones',
        '',
        'configs',
        '',
        'configs',
        'weights',
    ]


def test_models_gives_whole_first_sentences(said):
    _, output = said('models', 'cpn_r50_coco')
    assert 'trained on all joints alike, from scratch\n' in output
    _, output = said('models', 'hrnet_w32_coco_256x192')
    assert '(Sun et al., CVPR 2019): 210 epochs of Adam, batch 4 x 32\n' in output


def test_models_filters_by_a_pattern(said):
    status, output = said('models', 'w48_mpii')
    assert status == 0 and 'hrnet_w48_mpii_256x256' in output and 'w32' not in output
    status, output = said('models', 'hrnet_w48_mppi_256x256')
    assert status == 2 and 'nearest: hrnet_w48_mpii_256x256' in output


def test_info_has_versions_missing_packages_and_parts(said, monkeypatch):
    monkeypatch.setattr('hrpose.cli.info.find_spec', lambda module: None)
    status, output = said('info')
    assert status == 0
    for part in ('python ', 'torch ', 'cpu, ', 'HRPOSE_WEIGHTS'):
        assert part in output
    assert "mmcv's ops" not in output  # without a detector
    assert "missing: the fastest COCO evaluation; pip install 'hrpose[train]'" in output
    registered = output.split('registered')[1]
    assert all(name in registered for name in ('HRNet', 'MSRAHeatmap', 'CocoDataset', 'EpochSampler'))


def test_info_for_programs_is_one_mapping(said):
    _, output = said('info', '--json')
    tables = json.loads(output)
    assert list(tables) == ['versions', 'optional', 'registered']
    assert tables['versions']['hrpose'] == metadata.version('hrpose') and 'HRNet' in tables['registered']['MODELS']


def test_info_says_which_package_cannot_be_imported(said, monkeypatch):
    def broken(module: str) -> None:
        raise ValueError(f'{module}: numpy.dtype size changed')

    monkeypatch.setattr('hrpose.cli.info.import_module', broken)
    monkeypatch.setattr('hrpose.cli.info.find_spec', lambda module: module)
    _, output = said('info')
    assert 'broken (xtcocotools.cocoeval: numpy.dtype size changed)' in output
    assert "mmcv's ops" in output
