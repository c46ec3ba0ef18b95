"""MPII's data sets: where the region lies, counting from 0, and both forms of the annotation."""

import json

import numpy as np
import pytest
from scipy.io import savemat

from hrpose.datasets import MpiiDataset, MpiiMatDataset
from hrpose.datasets.transforms import PadBox
from hrpose.errors import UserError

PERSON = {
    'image': 'a.jpg',
    'center': [101.0, 51.0],
    'scale': 2.0,
    'joints': [[float(n + 1), float(2 * n + 1)] for n in range(16)],
    'joints_vis': [1] * 15 + [0],
}


def write(people, folder):
    """Write people as the official JSON and return its path."""
    (folder / 'train.json').write_text(json.dumps(people))
    return str(folder / 'train.json')


def records(dataset):
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def test_the_region_is_250_px_times_the_scale_around_a_lowered_centre(tmp_path):
    record = records(MpiiDataset(write([PERSON], tmp_path)))[0]
    region = PadBox(input_size=(256, 256))(record)
    # 101 - 1; 51 + 15 * 2 - 1; 200 px * 2 * 1.25.
    assert region['center'].tolist() == [100.0, 80.0]
    assert region['size'].tolist() == [500.0, 500.0]


def test_joints_count_from_0_and_unlabelled_ones_have_flag_0(tmp_path):
    record = records(MpiiDataset(write([PERSON], tmp_path)))[0]
    assert np.array_equal(record['keypoints'][:15], [[n, 2 * n] for n in range(15)])
    assert record['visible'].tolist() == [1] * 15 + [0]


def test_input_joints_match_the_official_affine(sample_data):
    pipeline = [
        dict(type='LoadImage'),
        dict(type='PadBox', input_size=(256, 256)),
        dict(type='WarpAffine', input_size=(256, 256), flip_indices=list(range(16))),
        dict(type='PackPose'),
    ]
    folder = sample_data / 'mpii'
    dataset = MpiiDataset(
        str(folder / 'test_mpii.json'), data_prefix=dict(img=str(folder)), pipeline=pipeline, test_mode=True
    )
    official = json.loads((folder / 'test_mpii.json').read_text())
    assert len(dataset) == len(official) == 5
    for index, person in enumerate(official):
        sample = dataset[index]['data_samples']
        assert sample.id == index
        # The official affine: side 250 s onto 256 px, the centre onto the middle (128, 128), counted from 0.
        center = np.array(person['center']) + [0, 15 * person['scale']] - 1
        expected = (np.array(person['joints']) - 1 - center) * 256 / (250 * person['scale']) + 128
        visible = np.array(person['joints_vis']) > 0
        found = sample.gt_instance_labels.keypoints[0]
        assert np.abs(found[visible] - expected[visible]).max() < 1e-3


def test_what_cannot_be_used_is_left_out_and_counted(tmp_path):
    lost = {**PERSON, 'center': [-1.0, -1.0]}
    unlabelled = {**PERSON, 'joints_vis': [0] * 16}
    dataset = MpiiDataset(write([lost, PERSON, unlabelled], tmp_path))
    assert [record['id'] for record in records(dataset)] == [1]
    assert dataset.skipped == {'without a centre or a scale': 1, 'without a labelled keypoint': 1}


@pytest.mark.parametrize(
    ('people', 'complaint'),
    [
        ({'images': []}, 'not a list of people'),
        ([{'center': [1, 1]}], "not in MPII's layout"),
        ([{**PERSON, 'joints': PERSON['joints'][:14]}], '14 joints'),
        ([], 'no usable person'),
    ],
)
def test_a_file_in_another_layout_is_refused(people, complaint, tmp_path):
    with pytest.raises(UserError, match=complaint):
        MpiiDataset(write(people, tmp_path))


EMPTY = np.zeros((0, 0))  # as MATLAB writes a field that is not there


def mat_person(person):
    """Return a person of the official JSON as the fields (objpos, scale, annopoints) of the release's struct."""
    points = [
        (index, *joint)
        for index, (joint, mark) in enumerate(zip(person['joints'], person['joints_vis'], strict=True))
        if mark
    ]
    point = np.array(points[::-1], dtype=[('id', 'O'), ('x', 'O'), ('y', 'O')])  # in no order, as there
    return ({'x': person['center'][0], 'y': person['center'][1]}, person['scale'], {'point': point})


def mat_release(path, images, img_train):
    """Write a release of images (name, people as fields of their structs) and return its path."""
    fields = [('objpos', 'O'), ('scale', 'O'), ('annopoints', 'O')]
    annolist = np.array(
        [({'name': name}, np.array(people, dtype=fields)) for name, people in images],
        dtype=[('image', 'O'), ('annorect', 'O')],
    )
    savemat(path, {'RELEASE': {'annolist': annolist, 'img_train': img_train}})
    return str(path)


BARE = ({'x': 7.0, 'y': 8.0}, 1.0, EMPTY)


def test_the_original_matlab_file_gives_what_the_json_gives(tmp_path):
    other = {**PERSON, 'image': 'b.jpg', 'center': [31.5, 40.0], 'scale': 0.75, 'joints_vis': [1, 0] * 8}
    people = [PERSON, {**PERSON, 'center': [11.0, 12.0]}, other]
    images = [
        ('a.jpg', [mat_person(people[0]), mat_person(people[1])]),
        ('c.jpg', [BARE]),
        ('b.jpg', [mat_person(other)]),
    ]
    of_mat = records(MpiiMatDataset(mat_release(tmp_path / 'mpii.mat', images, [1, 0, 1])))
    of_json = records(MpiiDataset(write(people, tmp_path)))
    assert len(of_mat) == len(of_json) == 3
    for one, two in zip(of_mat, of_json, strict=True):
        assert (one['img_path'], one['id']) == (two['img_path'], two['id'])
        for field in ('box', 'keypoints', 'visible'):
            assert np.array_equal(one[field], two[field]), field


def test_unusable_people_of_the_matlab_file_are_counted(tmp_path):
    nowhere, without_scale = (EMPTY, 1.0, EMPTY), ({'x': 7.0, 'y': 8.0}, EMPTY, EMPTY)
    images = [('a.jpg', [nowhere, mat_person(PERSON), BARE, without_scale]), ('b.jpg', [mat_person(PERSON)])]
    dataset = MpiiMatDataset(mat_release(tmp_path / 'mpii.mat', images, [1, 0]))
    assert [record['id'] for record in records(dataset)] == [1]
    assert dataset.skipped == {'without a centre or a scale': 2, 'without a labelled keypoint': 1}


def test_matlab_test_images_have_people_without_joints(tmp_path):
    (tmp_path / 'b.jpg').write_bytes(b'')
    path = mat_release(tmp_path / 'mpii.mat', [('a.jpg', [mat_person(PERSON)]), ('b.jpg', [BARE, BARE])], [1, 0])
    dataset = MpiiMatDataset(path, data_prefix=dict(img=str(tmp_path)), test_mode=True)
    record = records(dataset)[0]
    assert len(dataset) == 2 and record['img_id'] == 'b.jpg' and 'keypoints' not in record


def test_a_file_that_is_not_the_release_is_named(tmp_path):
    savemat(tmp_path / 'other.mat', {'a': 1})
    with pytest.raises(UserError, match="not MPII's MATLAB release"):
        MpiiMatDataset(str(tmp_path / 'other.mat'))
