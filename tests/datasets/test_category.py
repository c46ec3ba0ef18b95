"""The joints of a COCO keypoint file's category, in the data set and at the config's door."""

import json
from pathlib import Path

import pytest

from hrpose.config import load_config, parse_options
from hrpose.datasets import CocoDataset
from hrpose.datasets.metainfo import FROM_ANNOTATIONS, resolve
from hrpose.errors import UserError
from tests.conftest import joint_names

FIVE = tuple(joint_names(5))
BIRD = {'id': 1, 'name': 'bird', 'keypoints': ['beak', 'LWing', 'RWing'], 'skeleton': [[1, 2], [1, 3]]}


@pytest.fixture
def reports(monkeypatch) -> list[str]:
    """Messages logged about joints and data sets."""
    lines: list[str] = []
    for module in ('hrpose.datasets.base', 'hrpose.datasets.coco', 'mmengine.logging'):
        monkeypatch.setattr(f'{module}.print_log', lambda message, *_, **__: lines.append(message))
    return lines


def write(path: Path, *categories: object) -> str:
    path.write_text(json.dumps({'images': [], 'annotations': [], 'categories': categories}))
    return str(path)


@pytest.mark.parametrize('metainfo', [None, FROM_ANNOTATIONS])
def test_names_limbs_and_pairs_are_the_categorys(metainfo, tmp_path):
    info = resolve(metainfo, write(tmp_path / 'birds.json', {'id': 2, 'name': 'tree'}, BIRD))
    assert info == {
        'dataset_name': 'birds',
        'keypoint_names': ('beak', 'LWing', 'RWing'),
        'flip_indices': (0, 2, 1),
        'skeleton': ((0, 1), (0, 2)),
        'sigmas': (0.05, 0.05, 0.05),
        'upper_body_ids': (),
    }


def test_fields_in_the_config_override_the_category(tmp_path):
    given = {'dataset_name': 'mine', 'sigmas': (0.1, 0.2, 0.3), 'skeleton': ()}
    info = resolve(given, write(tmp_path / 'birds.json', BIRD))
    assert {key: info[key] for key in given} == given
    assert info['keypoint_names'] == ('beak', 'LWing', 'RWing')


def test_a_changed_file_is_read_again(tmp_path):
    path = write(tmp_path / 'birds.json', BIRD)
    assert len(resolve(None, path)['keypoint_names']) == 3
    write(tmp_path / 'birds.json', {**BIRD, 'keypoints': ['beak', 'tail'], 'skeleton': []})
    assert len(resolve(None, path)['keypoint_names']) == 2


def test_limbs_to_missing_joints_are_left_out_with_a_warning(tmp_path, reports):
    path = write(tmp_path / 'birds.json', {**BIRD, 'skeleton': [[1, 2], [0, 1], [3, 4], [2], 'x']})
    assert resolve(None, path)['skeleton'] == ((0, 1),)
    (line,) = reports
    assert '4 of 5 limbs' in line and 'for instance [0, 1]' in line


@pytest.mark.parametrize(
    ('categories', 'complaint'),
    [
        ([], "no category names its 'keypoints'"),
        ([{'id': 1, 'name': 'person'}], "no category names its 'keypoints'"),
        ([BIRD, {**BIRD, 'id': 2, 'name': 'bat'}], "2 categories have keypoints, 'bird' and 'bat'"),
        ([{**BIRD, 'keypoints': 'beak'}], "not a list of names: 'beak'"),
        ([{**BIRD, 'keypoints': ['beak', 'beak', 'tail']}], 'has a name twice'),
        (['bird'], "'categories' is not a list of mappings"),
    ],
)
def test_a_category_without_clear_joints_is_refused(categories, complaint, tmp_path):
    with pytest.raises(UserError) as error:
        resolve(None, write(tmp_path / 'birds.json', *categories))
    assert complaint in str(error.value) and 'birds' in str(error.value)


def test_a_data_set_reads_its_joints_and_logs_the_pairs(tiny_coco, reports):
    data = tiny_coco()
    dataset = CocoDataset(**{**data.arguments, 'metainfo': FROM_ANNOTATIONS})
    assert dataset.metainfo['keypoint_names'] == FIVE
    assert 'mirror pairs: left_a - right_a, left_b - right_b; not mirrored: nose' in reports[1]


def renamed(*names):
    return lambda content: content['categories'][0].update(keypoints=list(names))


def test_a_data_set_refuses_joints_in_another_order(tiny_coco):
    data = tiny_coco(edit=renamed('nose', 'right_a', 'left_a', 'left_b', 'right_b'))
    with pytest.raises(UserError, match="keypoint 2 is 'right_a' in the file, 'left_a' in the metainfo"):
        CocoDataset(**data.arguments)


@pytest.mark.parametrize(
    ('names', 'warnings'), [(FIVE, 0), (('Nose', 'A.l', 'A.r', 'B.l', 'B.r'), 0), ('vwxyz', 1), ((), 1)]
)
def test_a_data_set_warns_where_it_cannot_check_the_order(names, warnings, tiny_coco, reports):
    data = tiny_coco(edit=renamed(*names))
    CocoDataset(**data.arguments)
    assert sum('train.json: ' in line for line in reports) == warnings


def test_a_side_without_a_partner_is_a_warning(tiny_coco, reports):
    names = ('nose', 'left_a', 'right_a', 'left_hnad', 'right_hand')
    data = tiny_coco(edit=renamed(*names))
    CocoDataset(**{**data.arguments, 'metainfo': FROM_ANNOTATIONS})
    assert any(line.startswith('left_hnad, right_hand: left or right by name') for line in reports)


@pytest.mark.parametrize(
    'extra', ['metainfo = None', "metainfo = 'from annotations'", 'metainfo = dict(sigmas=(0.1,) * 5)']
)
def test_a_config_takes_its_joints_from_the_annotations(extra, tiny_coco, tiny_config):
    cfg = load_config(tiny_config(tiny_coco(), extra=extra))
    assert cfg.metainfo.keypoint_names == cfg.model.metainfo.keypoint_names == FIVE
    assert cfg.model.head.out_channels == 5
    assert cfg.val_evaluator[0].metainfo.flip_indices == (0, 2, 1, 4, 3)
    assert cfg.train_dataloader.dataset.pipeline[-2].flip_indices == (0, 2, 1, 4, 3)


def test_a_config_without_metainfo_has_cocos_joints(tmp_path, repository):
    path = tmp_path / 'silent.py'
    path.write_text(f"_base_ = ['{repository}/configs/hrnet_w32_coco_256x192.py']\n")
    assert load_config(path).metainfo.dataset_name == 'coco'
    with pytest.raises(UserError, match='person_keypoints_train2017.json and no .*person_keypoints_val2017.json'):
        load_config(path, parse_options(['metainfo=None', f'data_root={tmp_path}']))


def test_a_saved_config_holds_the_joints(tiny_coco, tiny_config, tmp_path):
    data = tiny_coco()
    cfg = load_config(tiny_config(data, extra='metainfo = None'))
    saved = tmp_path / 'saved.py'
    cfg.dump(saved)
    data.ann_file.unlink()
    assert load_config(saved).metainfo == cfg.metainfo
    assert load_config(saved, {'data_root': '/elsewhere'}).train_dataloader.dataset.data_root == '/elsewhere'


def test_only_the_files_that_are_there_are_read(tiny_coco, tiny_config):
    train, val = tiny_coco(), tiny_coco(name='val')
    config = tiny_config(train, val, extra='metainfo = None')
    train.ann_file.unlink()
    assert load_config(config).metainfo.dataset_name == 'val'


@pytest.mark.parametrize(
    ('joints', 'complaint'),
    [
        (
            ['nose', 'left_a', 'right_a', 'right_b', 'left_b'],
            "val.json: keypoint 4 is 'right_b', but 'left_b' in .*train.json",
        ),
        (['nose', 'left_a', 'right_a'], r'val.json: 3 keypoints, but \S+train.json has 5'),
    ],
)
def test_files_with_different_joints_are_refused(joints, complaint, tiny_coco, tiny_config):
    val = tiny_coco(name='val', edit=lambda content: content['categories'][0].update(keypoints=joints))
    with pytest.raises(UserError, match=complaint):
        load_config(tiny_config(tiny_coco(), val, extra='metainfo = None'))


def test_a_test_file_without_joints_agrees(tiny_coco, tiny_config):
    val = tiny_coco(name='val', edit=lambda content: content['categories'][0].pop('keypoints'))
    val.content['categories'] = [{'keypoints': FIVE}]
    assert load_config(tiny_config(tiny_coco(), val, extra='metainfo = None')).metainfo.keypoint_names == FIVE


@pytest.mark.parametrize('name', ['lspet/annotations/lspet_val', 'coco/test_coco', 'crowdpose/test_crowdpose'])
def test_files_of_public_data_sets_name_their_joints(name, sample_data):
    info = resolve(None, str(sample_data / f'{name}.json'))
    pairs = sum(joint < mirror for joint, mirror in enumerate(info['flip_indices']))
    assert (len(info['keypoint_names']), pairs) == ((17, 8) if 'coco' in name else (14, 6))
    if name.startswith('lspet'):
        assert info['sigmas'] == resolve('lsp')['sigmas'] and len(info['skeleton']) == 15
