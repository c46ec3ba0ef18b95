"""What the joints are: names, mirror images, limbs, sigmas."""

import json

import pytest

from hrpose.datasets.metainfo import (
    FIELDS,
    KNOWN,
    describe_flip_pairs,
    infer_flip_indices,
    joint_sides,
    resolve,
    sigma_source,
)
from hrpose.datasets.metainfo.names import compare_names
from hrpose.errors import UserError

NAMES = ('nose', 'left_eye', 'right_eye')


COUNTS = {
    'aic': 14,
    'ap10k': 17,
    'coco': 17,
    'coco_wholebody': 133,
    'crowdpose': 14,
    'halpe': 136,
    'humanart': 17,
    'jhmdb': 15,
    'lsp': 14,
    'mpii': 16,
    'ochuman': 17,
    'posetrack18': 17,
}


@pytest.mark.parametrize(('name', 'count'), COUNTS.items())
def test_known_metainfo_is_complete_and_passes_its_own_checks(name, count):
    info = resolve(name)
    assert tuple(info) == FIELDS
    assert len(info['keypoint_names']) == count
    assert resolve(info) == info == KNOWN[name]


@pytest.mark.parametrize('name', sorted(KNOWN))
def test_known_flip_indices_follow_from_the_names(name):
    info = KNOWN[name]
    inferred = resolve({'keypoint_names': info['keypoint_names']})['flip_indices']
    faces = [joint for joint, own in enumerate(info['keypoint_names']) if own.startswith('face-')]  # no sides in these
    assert all(inferred[joint] == joint for joint in faces)
    assert all(inferred[joint] == info['flip_indices'][joint] for joint in range(len(inferred)) if joint not in faces)


OWN_SIGMAS = {'aic', 'coco_wholebody'}  # published, and measured on each side by itself


@pytest.mark.parametrize('name', sorted(KNOWN))
def test_mirrored_joints_share_sigma_and_half_of_the_body(name):
    info = KNOWN[name]
    upper = set(info['upper_body_ids'])
    for joint, mirror in enumerate(info['flip_indices']):
        assert info['sigmas'][joint] == info['sigmas'][mirror] or name in OWN_SIGMAS
        assert (joint in upper) == (mirror in upper)


def test_coco_has_the_published_sigmas_in_order():
    expected = (0.026, 0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089)
    sigmas = resolve('coco')['sigmas']
    assert (sigmas[0], *sigmas[1::2]) == expected


@pytest.mark.parametrize(('name', 'file'), [
    ('crowdpose', 'crowdpose/test_crowdpose.json'),
    ('posetrack18', 'posetrack18/annotations/test_posetrack18_val.json'),
])  # fmt: skip
def test_known_joints_have_the_order_of_the_annotation(name, file, sample_data):
    (category,) = json.loads((sample_data / file).read_text())['categories']
    own = ['top_head' if joint == 'head' else joint for joint in category['keypoints']]
    assert list(KNOWN[name]['keypoint_names']) == own


def test_crowdpose_has_the_published_sigmas_in_order():
    published = (0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89, 0.79, 0.79)
    assert resolve('crowdpose')['sigmas'] == pytest.approx([value / 10 for value in published])


def test_names_alone_are_enough():
    assert resolve({'keypoint_names': list(NAMES)}) == {
        'dataset_name': 'custom',
        'keypoint_names': NAMES,
        'flip_indices': (0, 2, 1),
        'skeleton': (),
        'sigmas': (0.05, 0.05, 0.05),
        'upper_body_ids': (),
    }


def test_a_side_without_its_partner_is_not_mirrored():
    assert resolve({'keypoint_names': ('left_horn', 'tail')})['flip_indices'] == (0, 1)


def test_resolve_returns_a_new_dict():
    resolve('coco')['sigmas'] = ()
    assert len(resolve('coco')['sigmas']) == 17


@pytest.mark.parametrize(
    ('wrong', 'complaint'),
    [
        ('cocoo', "there is no 'cocoo'; nearest: coco"),
        ({'keypoint_names': NAMES, 'sigma': (1,)}, "no field 'sigma'; nearest: sigmas"),
        ({'sigmas': (1,)}, "'keypoint_names' is missing"),
        ({'keypoint_names': ()}, "'keypoint_names' is missing"),
        ({'keypoint_names': ('a', 'a')}, 'has a name twice'),
        ({'keypoint_names': NAMES, 'sigmas': (0.1,)}, 'sigmas has 1 entries for 3'),
        ({'keypoint_names': NAMES, 'flip_indices': (0, 1)}, 'flip_indices has 2 entries for 3'),
        ({'keypoint_names': NAMES, 'flip_indices': (1, 2, 0)}, 'sends joint 0 to 1, but 1 to 2'),
        ({'keypoint_names': NAMES, 'flip_indices': (0, 2, 3)}, 'joint 3, which is outside 0 to 2'),
        ({'keypoint_names': NAMES, 'skeleton': ((0, 3),)}, 'joint 3, which is outside 0 to 2'),
        ({'keypoint_names': NAMES, 'upper_body_ids': (-1,)}, 'joint -1, which is outside 0 to 2'),
    ],
)
def test_a_wrong_metainfo_is_refused_with_the_numbers(wrong, complaint):
    with pytest.raises(UserError) as error:
        resolve(wrong)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ('names', 'flip'),
    [
        (('nose', 'Left Hand', 'Right Hand'), (0, 2, 1)),
        (('L_hand', 'head', 'R_hand'), (2, 1, 0)),
        (('hand_left', 'hand_RIGHT', 'left_foot'), (1, 0, 2)),
        (('a', 'b'), (0, 1)),
    ],
)
def test_flip_pairs_follow_from_the_names_in_any_case(names, flip):
    assert resolve({'keypoint_names': names})['flip_indices'] == flip


SPELLINGS = [
    'left_hand',
    'hand_left',
    'LeftHand',
    'LEFT HAND',
    'lefthand',
    'l_hand',
    'hand.L',
    'LHand',
    'handL',
    'lhand',
]


def on_the_right(name: str) -> str:
    """Return the name of the same joint on the other side, spelled alike."""
    for left, right in (('left', 'right'), ('Left', 'Right'), ('LEFT', 'RIGHT'), ('L', 'R'), ('l_', 'r_')):
        if left in name:
            return name.replace(left, right)
    return f'r{name[1:]}'


@pytest.mark.parametrize('name', SPELLINGS)
def test_each_spelling_of_a_side_finds_its_mirror_image(name):
    names = ('head', on_the_right(name), name, 'tail')
    assert names[1] != names[2]
    assert infer_flip_indices(names) == (0, 2, 1, 3)


def test_a_letter_inside_a_word_is_no_side():
    assert infer_flip_indices(('lip', 'rib', 'ear', 'rear', 'tail_root', 'trail')) == (0, 1, 2, 3, 4, 5)


def test_numbered_joints_keep_their_numbers_apart():
    names = ('left_finger_1', 'left_finger_2', 'right_finger_1', 'right_finger_2')
    assert infer_flip_indices(names) == (2, 3, 0, 1)


def test_mirror_pairs_are_described_by_name():
    info = resolve({'keypoint_names': NAMES})
    assert describe_flip_pairs(info) == 'mirror pairs: left_eye - right_eye; not mirrored: nose'


@pytest.mark.parametrize('name', sorted(KNOWN))
def test_known_names_bring_known_sigmas_and_upper_body(name):
    info = resolve({'keypoint_names': KNOWN[name]['keypoint_names']})
    assert (info['sigmas'], info['upper_body_ids']) == (KNOWN[name]['sigmas'], KNOWN[name]['upper_body_ids'])


@pytest.mark.parametrize(
    ('metainfo', 'source'),
    [
        ('coco', "COCO's"),
        ({'keypoint_names': KNOWN['coco']['keypoint_names']}, "COCO's"),
        ('lsp', "those of metainfo 'lsp'"),
        ({'keypoint_names': NAMES}, 'the default 0.05 for every joint'),
        ({'keypoint_names': NAMES, 'sigmas': (0.1, 0.2, 0.2)}, 'given by the config'),
        ({'keypoint_names': KNOWN['coco']['keypoint_names'], 'sigmas': (0.1,) * 17}, 'given by the config'),
    ],
)
def test_sigma_source_names_where_the_sigmas_come_from(metainfo, source):
    assert sigma_source(resolve(metainfo)) == source


@pytest.mark.parametrize(
    ('name', 'side'),
    [
        ('left_knee', 'left'),
        ('right knee', 'right'),
        ('RAnkle', 'right'),
        ('l_wrist', 'left'),
        ('elbow.R', 'right'),
        ('leftEye', 'left'),
        ('leftwrist', 'left'),
        ('nose', 'centre'),
        ('lower_back', 'centre'),
        ('tail_root', 'centre'),
    ],
)
def test_a_joints_name_tells_its_side(name, side):
    assert joint_sides({'keypoint_names': (name,)}) == (side,)


def test_without_sides_in_the_names_the_first_of_a_flip_pair_is_left():
    info = {'keypoint_names': ('a', 'b', 'c'), 'flip_indices': (1, 0, 2)}
    assert joint_sides(info) == ('left', 'right', 'centre')


def test_names_and_flip_pairs_of_known_data_sets_agree_about_sides():
    other = {'left': 'right', 'right': 'left', 'centre': 'centre'}
    for name in KNOWN:
        info = resolve(name)
        sides = joint_sides(info)
        assert [other[side] for side in sides] == [sides[j] for j in info['flip_indices']]


def test_metainfo_that_tells_no_sides_is_refused():
    with pytest.raises(UserError, match='keypoint_names or flip_indices'):
        joint_sides({'skeleton': ()})


COCO = KNOWN['coco']['keypoint_names']
# Halpe's first 17 joints are COCO's.
HALPE = 'Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip LKnee RKnee LAnkle RAnkle'
CROWDPOSE = KNOWN['crowdpose']['keypoint_names']


@pytest.mark.parametrize(
    ('stated', 'names'),
    [
        (COCO, COCO),
        (HALPE.split(), COCO),
        ([name.replace('_', ' ').title() for name in COCO], COCO),
        (['-'.join(reversed(name.split('_'))) for name in COCO], COCO),
        ([name.replace('left_', 'l').replace('right_', 'r') for name in COCO], COCO),
        ([*CROWDPOSE[:12], 'head', 'neck'], CROWDPOSE),
        (['headtop', 'hand.L', 'hand.R'], ['head_top', 'left_hand', 'right_hand']),
    ],
    ids=['same', 'halpe', 'title', 'turned', 'letters', 'crowdpose', 'dots'],
)
def test_another_spelling_is_the_same_joint(stated, names):
    assert compare_names(stated, names) is None


@pytest.mark.parametrize(
    'stated',
    [
        ('nose', 'right_eye', 'left_eye'),
        ('nose', 'REye', 'LEye'),
        ('left_eye', 'right_eye', 'nose'),
        ('thorax', 'nose', 'tail'),
        ('nose', 'left_eye'),
    ],
)
def test_a_joint_at_another_place_is_an_error(stated):
    assert compare_names(stated, NAMES).is_error


@pytest.mark.parametrize(('stated', 'reason'), [(('a', 'b', 'c'), 'different names'), ((), 'names no keypoints')])
def test_names_that_cannot_be_compared_are_no_error(stated, reason):
    found = compare_names(stated, NAMES)
    assert not found.is_error and reason in found.reason
