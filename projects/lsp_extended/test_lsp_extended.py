"""A joints.mat in the release's form is read as a data set, and converted to COCO's layout."""

import importlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from hrpose.config import load_config
from hrpose.errors import UserError
from hrpose.registry import DATASETS

CONFIG = Path(__file__).parent / 'configs' / 'lsp_extended_hrnet_w16_128x128.py'


def write_release(folder: Path, count: int = 5, empty: tuple[int, ...] = ()) -> np.ndarray:
    """Write joints.mat and `count` images of 80x60 px; people `empty`, counted from 0, have no labelled joint."""
    rng = np.random.default_rng(0)
    joints = np.zeros((14, 3, count))
    joints[:, 0], joints[:, 1], joints[:, 2] = rng.uniform(20, 60, (14, count)), rng.uniform(15, 45, (14, count)), 1
    joints[3, :, 0] = (-7.0, -9.0, 0.0)  # arbitrary coordinates of an unlabelled joint
    joints[:, 2, list(empty)] = 0
    savemat(folder / 'joints.mat', {'joints': joints})
    (folder / 'images').mkdir(exist_ok=True)
    for number in range(1, count + 1):
        cv2.imwrite(str(folder / 'images' / f'im{number:05d}.jpg'), rng.integers(0, 255, (60, 80, 3), dtype=np.uint8))
    return joints


def build(folder: Path, images: tuple[int, int], **options: object):
    load_config(CONFIG)  # imports the plug-in
    wanted = dict(type='LspExtendedDataset', ann_file='joints.mat', data_prefix=dict(img='images'), images=images)
    return DATASETS.build({**wanted, 'data_root': str(folder), **options})


def test_people_are_read_and_unlabelled_joints_ignored(tmp_path):
    joints = write_release(tmp_path)
    dataset = build(tmp_path, (1, 5))
    assert len(dataset) == 5
    person = dataset.get_data_info(0)
    np.testing.assert_array_equal(person['keypoints'], joints[:, :2, 0])
    assert person['visible'].tolist() == [0.0 if joint == 3 else 2.0 for joint in range(14)]
    assert person['img_path'].endswith('images/im00001.jpg')
    low, high = joints[joints[:, 2, 0] > 0, :2, 0].min(0), joints[joints[:, 2, 0] > 0, :2, 0].max(0)
    margin = 0.1 * (high - low).max()
    np.testing.assert_allclose(person['box'], [*(low - margin), *(high + margin)])


def test_a_range_is_read_and_people_without_joints_are_counted(tmp_path):
    write_release(tmp_path, empty=(2,))
    dataset = build(tmp_path, (3, 5))
    assert [dataset.get_data_info(index)['img_id'] for index in range(len(dataset))] == [4, 5]
    assert dataset.skipped == {'without a labelled joint': 1}


@pytest.mark.parametrize('images', [(0, 3), (4, 3)])
def test_a_wrong_range_is_refused(images, tmp_path):
    write_release(tmp_path)
    with pytest.raises(UserError, match=r'images is \(first, last\)'):
        build(tmp_path, images)


def test_the_first_release_is_refused_with_its_shape(tmp_path):
    write_release(tmp_path)
    savemat(tmp_path / 'joints.mat', {'joints': np.zeros((3, 14, 7))})
    with pytest.raises(UserError, match=r'shape \(3, 14, 7\).*\(14, 3, N\)'):
        build(tmp_path, (1, 5))


def test_the_converted_file_has_the_same_people(tmp_path, capsys):
    joints = write_release(tmp_path, empty=(1,))
    build(tmp_path, (1, 5))
    converter = importlib.import_module('lsp_extended.convert')
    out = tmp_path / 'new' / 'lspet.json'
    converter.main([str(tmp_path / 'joints.mat'), str(tmp_path / 'images'), str(out), '--last', '4'])
    assert f'3 people in {out}' in capsys.readouterr().out
    content = json.loads(out.read_text())
    assert [image['width'] for image in content['images']] == [80] * 4
    dataset = DATASETS.build(
        dict(type='CocoDataset', ann_file=str(out), data_prefix=dict(img=str(tmp_path / 'images')), metainfo='lsp')
    )
    assert len(dataset) == 3
    np.testing.assert_array_equal(dataset.get_data_info(0)['keypoints'], joints[:, :2, 0])


def test_the_converter_names_a_missing_image(tmp_path):
    write_release(tmp_path)
    build(tmp_path, (1, 5))
    (tmp_path / 'images' / 'im00002.jpg').unlink()
    converter = importlib.import_module('lsp_extended.convert')
    with pytest.raises(UserError, match='there is no image .*im00002.jpg'):
        converter.convert(tmp_path / 'joints.mat', tmp_path / 'images', tmp_path / 'x.json')
