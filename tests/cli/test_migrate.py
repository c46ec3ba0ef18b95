"""`hrpose migrate`, and mmpose's names in `hrpose models`."""

from pathlib import Path

import pytest

from hrpose.cli.main import main
from hrpose.config import load_config
from hrpose.config.mmpose import names_here

THEIRS = Path(__file__).parents[1] / 'config' / 'mmpose_style' / 'resnet_hand.py'
KNOWN = ('hrnet_w32_coco_256x192', 'hrnet_w32_coco_256x192_dark', 'hrnet_w32_coco_256x192_mmpose_recipe',
         'hrnet_w32_wholebody_256x192', 'simplebaseline_r50_jhmdb_sub2_256x256',
         'hrnet_w32_mpii_256x256', 'simplebaseline_r50_coco_256x192', 'hrnet_w32_coco_128x96')  # fmt: skip


def run(capsys, *words):
    status: object = 0
    try:
        main(words)
    except SystemExit as left:
        status = left.code
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def test_migrate_writes_a_config_and_says_what_became_of_each_part(tmp_path, capsys):
    out = tmp_path / 'new' / 'mine.py'
    status, said = run(capsys, 'migrate', str(THEIRS), '--out', str(out))
    assert status == 0 and load_config(out).codec.type == 'DarkHeatmap'
    lines = said.splitlines()
    assert 'codec: MSRAHeatmap with unbiased=True -> DarkHeatmap' in lines
    assert any(line.startswith('no counterpart: train_pipeline.3: hrpose has no transform') for line in lines)
    assert lines[-1].startswith(f'{out}: ')


def test_migrate_replaces_no_file_unless_told(tmp_path, capsys):
    out = tmp_path / 'mine.py'
    out.write_text('mine = 1\n')
    status, said = run(capsys, 'migrate', str(THEIRS), '--out', str(out))
    assert status == 2 and 'the file exists' in said and out.read_text() == 'mine = 1\n'
    status, _ = run(capsys, 'migrate', str(THEIRS), '--out', str(out), '--overwrite')
    assert status == 0 and 'Migrated' in out.read_text()


@pytest.mark.parametrize(
    'words',
    [('train', str(THEIRS)), ('infer', 'a.jpg', '--pose', str(THEIRS), '--whole-image', '--out', 'out')],
    ids=lambda words: words[0],
)
def test_other_commands_point_from_a_config_of_mmpose_to_migrate(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.jpg').touch()
    status, said = run(capsys, *words)
    assert status == 2 and f'hrpose migrate {THEIRS} --out' in said


@pytest.mark.parametrize(
    ('given', 'ours'),
    [
        ('td-hm_hrnet-w32_8xb64-210e_coco-256x192', ['hrnet_w32_coco_256x192', 'hrnet_w32_coco_256x192_mmpose_recipe']),
        ('td-hm_hrnet-w32_dark-8xb64-210e_coco-256x192.py', ['hrnet_w32_coco_256x192_dark']),
        ('td-hm_hrnet-w32_fp16-8xb64-210e_mpii-256x256', ['hrnet_w32_mpii_256x256']),
        ('td-hm_hrnet-w32_coarsedropout-8xb64-210e_coco-256x192', []),
        ('td-hm_res50', ['simplebaseline_r50_coco_256x192', 'simplebaseline_r50_jhmdb_sub2_256x256']),
        ('td-hm_hrnet-w32_8xb64-210e_coco-wholebody-256x192', ['hrnet_w32_wholebody_256x192']),
        ('td-hm_hrnet-w32_8xb64-210e_coco-wholebody', ['hrnet_w32_wholebody_256x192']),
        ('td-hm_res50_8xb64-20e_jhmdb-sub2-256x256', ['simplebaseline_r50_jhmdb_sub2_256x256']),
        ('configs/td-hm_hrnet-w32_8xb64-210e_mpii', ['hrnet_w32_mpii_256x256']),
        ('res50_mpii_256x256-418ffc88_20200812.pth', ['simplebaseline_r50_mpii_256x256']),
        ('td-hm_seresnet50_8xb64-210e_coco-256x192', None),
        ('hrnet_w32', None),
    ],
)
def test_names_of_mmpose_are_known(given, ours):
    assert names_here(given, KNOWN) == ours


def test_models_finds_what_mmpose_calls_otherwise(capsys):
    status, said = run(capsys, 'models', 'td-hm_hrnet-w48_udp-8xb32-210e_coco-384x288')
    assert status == 0 and [line.split()[0] for line in said.splitlines()[1:2]] == ['hrnet_w48_coco_384x288_udp']
    status, said = run(capsys, 'models', 'td-hm_res101_8xb64-210e_crowdpose-320x256')
    assert status == 2 and 'a name of mmpose without a counterpart here' in said
