"""Data sets with different joints as one: joints by name, weights, ratios, and a training by config alone."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset

from hrpose.config import load_config
from hrpose.datasets import CombinedDataset, EpochSampler, RatioSampler, SampleKey
from hrpose.datasets.combined import joint_places
from hrpose.datasets.metainfo import KNOWN, resolve
from hrpose.datasets.sampler import apportion
from hrpose.errors import UserError
from tests.datasets.mixture import COCO, LSP, config_lines, named, two_parts

SHARED = set(COCO) & set(LSP)
PIPELINE = [
    {'type': 'LoadImage'},
    {'type': 'PadBox', 'input_size': (64, 64)},
    {'type': 'RandomRotation', 'prob': 1, 'degrees': 9},
    {'type': 'WarpAffine', 'input_size': (64, 64), 'flip_indices': KNOWN['coco']['flip_indices']},
    {'type': 'PackPose'},
]


@pytest.fixture
def parts(tiny_coco):
    """Configs of two data sets: six people with COCO's joints, three with those of Leeds Sports Pose."""
    return [{**part, 'pipeline': PIPELINE} for part in two_parts(tiny_coco)]


def test_a_part_is_labelled_at_the_targets_joints_only(parts):
    combined = CombinedDataset(parts, metainfo='coco')
    assert len(combined) == 9 and combined.metainfo['dataset_name'] == 'coco'
    for index, has in ((5, set(COCO)), (6, SHARED)):
        labels = combined[index]['data_samples'].gt_instance_labels
        assert labels.keypoint_weights.tolist() == [[float(name in has) for name in COCO]]


@pytest.mark.parametrize('target', ['coco', 'lsp'])
def test_joints_come_to_the_place_of_their_name(target, parts):
    annotated = json.loads(Path(parts[1]['ann_file']).read_text())['annotations'][2]['keypoints']
    truth = CombinedDataset(parts, metainfo=target)[8]['data_samples'].gt_instances
    for place, name in enumerate(KNOWN[target]['keypoint_names']):
        expected = annotated[3 * LSP.index(name) :][:3] if name in LSP else [0, 0, 0]
        found = [*truth.keypoints[0, place], truth.keypoints_visible[0, place]]
        assert found == expected


def test_a_mirrored_sample_has_left_and_right_of_the_target(parts):
    flip = {'type': 'RandomFlip', 'prob': 1.0}
    plain = [step for step in PIPELINE if step['type'] != 'RandomRotation']
    mirrored = [*plain[:2], flip, *plain[2:]]
    weights = []
    for steps in (plain, mirrored):
        own = [{**part, 'pipeline': steps} for part in parts]
        mapping = [None, {'left_wrist': None, 'neck': None, 'head_top': 'nose'}]
        combined = CombinedDataset(own, metainfo='coco', mapping=mapping)
        weights.append(combined[7]['data_samples'].gt_instance_labels.keypoint_weights[0])
    assert (weights[0][COCO.index('left_wrist')], weights[0][COCO.index('right_wrist')]) == (0, 1)
    assert weights[1].tolist() == weights[0][list(KNOWN['coco']['flip_indices'])].tolist()


def test_half_body_takes_the_targets_upper_body(parts):
    half = {'type': 'RandomHalfBody', 'prob': 1.0, 'upper_prob': 1.0, 'upper_body_ids': KNOWN['coco']['upper_body_ids']}
    own = [{**part, 'pipeline': [*PIPELINE[:2], half, *PIPELINE[3:]]} for part in parts]
    sample = CombinedDataset(own, metainfo='coco')[6]['data_samples']
    joints = sample.gt_instances.keypoints[0][[COCO.index(name) for name in COCO[:11] if name in SHARED]]
    np.testing.assert_allclose(sample.box_center, joints.mean(axis=0))


def test_images_of_two_parts_with_one_id_stay_two(parts):
    combined = CombinedDataset(parts, metainfo='coco')
    ids = [combined[index]['data_samples'].img_id for index in range(len(combined))]
    assert len(set(ids)) == 9


def test_a_broken_image_is_replaced_by_another_of_its_part(parts):
    (Path(parts[1]['data_prefix']['img']) / '001.jpg').unlink()
    combined = CombinedDataset(parts, metainfo='coco')
    assert combined[7]['data_samples'].img_id in ('1/0', '1/2')


@pytest.mark.parametrize(
    ('mapping', 'expected'),
    [({}, (1, -1, 0)), ({'b': 'tail'}, (1, 2, 0)), ({'a': None, 'b': 'tail'}, (1, 2, -1))],
)
def test_a_mapping_says_which_joint_is_which(mapping, expected):
    assert joint_places(('a', 'nose', 'b'), ('nose', 'tail', 'a'), mapping, 'part') == expected


@pytest.mark.parametrize(
    ('mapping', 'complaint'),
    [
        ({'left_wirst': 'nose'}, "no part has a joint 'left_wirst'; nearest: left_wrist"),
        ([None, {'left_ear': 'nose'}], "datasets.1: mapping has a joint 'left_ear' that the part lacks; nearest"),
        (
            {'neck': 'nose_tip'},
            "datasets.1: mapping sends 'neck' to 'nose_tip', which the target lacks; nearest: n",
        ),
        ([{}], '1 mappings for 2 datasets'),
        ([{'left_eye': 'nose'}, {}], "'nose' and 'left_eye' are both the target's 'nose'; leave one out"),
        ([{}, dict.fromkeys(LSP)], 'datasets.1: has no joint of the target'),
    ],
)
def test_an_impossible_mapping_is_refused(mapping, complaint, parts):
    with pytest.raises(UserError) as error:
        CombinedDataset(parts, metainfo='coco', mapping=mapping)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ('datasets', 'complaint'),
    [([], 'datasets is empty'), (['coco'], 'is not the config'), ([{'type': 'RepeatDataset'}], 'RepeatDataset')],
)
def test_parts_have_to_be_data_sets_of_people(datasets, complaint, parts):
    inner = {**parts[0], 'type': 'hrpose.CocoDataset'}
    wrapped = [{**part, 'dataset': inner, 'times': 2} if isinstance(part, dict) else part for part in datasets]
    with pytest.raises(UserError, match=complaint):
        CombinedDataset(wrapped, metainfo='coco')


class Parts:
    """As much of a combined data set as a sampler looks at."""

    cumulative_sizes = (100, 110)

    def __len__(self) -> int:
        return 110


def keys_of(epoch: int, *, seed: int = 5, **options) -> list[SampleKey]:
    sampler = RatioSampler(Parts(), seed=seed, **options)
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize(('ratios', 'counts'), [((3, 1), [60, 20]), ((1, 1), [40, 40]), ((0.9, 0.1), [72, 8])])
def test_an_epoch_has_the_parts_in_their_ratios(ratios, counts):
    keys = keys_of(0, ratios=ratios, size=80)
    assert [sum(key < 100 for key in keys), sum(key >= 100 for key in keys)] == counts


def test_an_epoch_has_the_size_of_the_data_by_default():
    assert len(keys_of(0, ratios=(3, 1))) == 110


def test_all_samples_of_a_part_come_before_any_repeats():
    keys = [key for epoch in range(4) for key in keys_of(epoch, ratios=(1, 1), size=50)]
    assert sorted(int(key) for key in keys if key < 100) == list(range(100))
    assert sorted(int(key) for key in keys if key >= 100) == sorted(list(range(100, 110)) * 10)


def test_repeats_within_an_epoch_have_different_numbers():
    keys = keys_of(3, ratios=(1, 1))
    assert len({tuple(key.numbers) for key in keys}) == len(keys) == 110


def test_what_comes_when_depends_on_seed_and_epoch_alone():
    again, other = (keys_of(2, ratios=(1, 1), seed=seed) for seed in (5, 6))
    first = keys_of(2, ratios=(1, 1))
    assert [key.numbers for key in first] == [key.numbers for key in again]
    assert first != other and first != keys_of(3, ratios=(1, 1))


@pytest.mark.parametrize('round_up', [True, False])
def test_several_processes_share_an_epoch(round_up, monkeypatch):
    shares = []
    for rank in range(4):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 4))
        shares.append(keys_of(1, ratios=(3, 1), round_up=round_up))
    monkeypatch.undo()
    whole = [key.numbers for key in keys_of(1, ratios=(3, 1))]
    dealt = [key.numbers for turn in range(28) for share in shares for key in share[turn : turn + 1]]
    assert dealt == (whole + whole[:2] if round_up else whole)


@pytest.mark.parametrize(
    ('dataset', 'options', 'complaint'),
    [
        (Parts(), {'ratios': (1,)}, r'ratios \[1\] are not 2 numbers above 0'),
        (Parts(), {'ratios': (1, 0)}, 'are not 2 numbers above 0'),
        (Parts(), {'ratios': (1, 1), 'size': 0}, 'size 0 is not at least 1'),
        ([1, 2], {'ratios': (1, 1)}, 'list has no parts; use it with a CombinedDataset'),
    ],
)
def test_wrong_ratios_are_refused(dataset, options, complaint):
    with pytest.raises(UserError, match=complaint):
        RatioSampler(dataset, seed=0, **options)


@pytest.mark.parametrize(('total', 'ratios'), [(10, (1, 1, 1)), (1, (5, 3)), (7, (0.1, 0.2, 0.7)), (99, (1, 98))])
def test_shares_add_up_and_are_less_than_one_off(total, ratios):
    counts = apportion(total, ratios)
    assert sum(counts) == total
    assert all(abs(count - total * ratio / sum(ratios)) < 1 for count, ratio in zip(counts, ratios, strict=True))


def test_a_repeated_data_sets_repeats_are_visits_of_their_own():
    keys = [SampleKey(1, 2, index) % 4 for index in range(8)]
    assert [int(key) for key in keys] == [0, 1, 2, 3] * 2
    assert [key.numbers for key in keys] == [[1, 2, index] for index in range(8)]
    assert pickle.loads(pickle.dumps(keys[5])).numbers == [1, 2, 5]


def test_mmengines_concatenation_has_ratios_too(parts):
    same = [CombinedDataset([part], metainfo='coco').datasets[0] for part in parts]
    sampler = RatioSampler(ConcatDataset(same, ignore_keys=list(same[0].metainfo)), (1, 2), seed=0)
    assert [sum(key < 6 for key in sampler), len(sampler)] == [3, 9]


@pytest.fixture
def mixed_config(parts, tiny_coco, tiny_config):
    """A config that trains on both parts and validates on COCO's joints."""
    val = tiny_coco(joints=17, images=2, name='val', edit=named(COCO))
    return tiny_config(val, extra=config_lines(parts))


def test_a_part_keeps_its_joints_and_all_else_has_the_targets(mixed_config, tmp_path):
    cfg = load_config(mixed_config)
    mixture = cfg.train_dataloader.dataset
    assert mixture.metainfo.dataset_name == cfg.model.metainfo.dataset_name == 'coco'
    assert [part.metainfo.dataset_name for part in mixture.datasets] == ['coco', 'lsp']
    assert mixture.datasets[1].metainfo.to_dict() == resolve('lsp')
    for part in mixture.datasets:
        steps = {step.type: step for step in part.pipeline}
        assert tuple(steps['WarpAffine'].flip_indices) == KNOWN['coco']['flip_indices']
        assert tuple(steps['RandomHalfBody'].upper_body_ids) == KNOWN['coco']['upper_body_ids']
    saved = tmp_path / 'saved.py'
    cfg.dump(saved)
    again = load_config(saved, {'codec.sigma': 2.0, 'codec.input_size': (96, 96)})
    assert again.train_dataloader.dataset.datasets[1].pipeline[1].input_size == (96, 96)
    assert again.train_dataloader.dataset.datasets[1].metainfo.dataset_name == 'lsp'


def test_the_target_may_come_from_the_first_part(parts, tiny_coco, tiny_config):
    del parts[0]['metainfo']
    parts[1]['metainfo'] = 'from annotations'
    val = tiny_coco(joints=17, images=2, name='val', edit=named(COCO))
    cfg = load_config(tiny_config(val, extra=config_lines(parts).replace("'coco'", 'None', 1)))
    assert cfg.metainfo.keypoint_names == COCO and cfg.metainfo.dataset_name == 'coco'
    combined = cfg.train_dataloader.dataset
    assert combined.datasets[0].metainfo == cfg.metainfo
    built = CombinedDataset(combined.datasets, metainfo=combined.metainfo.to_dict())
    assert built.datasets[1].metainfo['keypoint_names'] == LSP


def test_samples_do_not_depend_on_the_number_of_workers(parts):
    combined = CombinedDataset(parts, metainfo='coco')
    rotations = []
    for workers in (0, 2):
        sampler = RatioSampler(combined, (1, 1), seed=1, size=12)
        loader = torch.utils.data.DataLoader(
            combined, batch_size=3, sampler=sampler, num_workers=workers, collate_fn=lambda batch: batch
        )
        rotations.append([sample['data_samples'].rotation for batch in loader for sample in batch])
    assert rotations[0] == rotations[1] and len(set(rotations[0])) == 12


def test_a_missing_part_is_named_first(mixed_config, parts):
    from hrpose.engine.launch import build_runner

    Path(parts[1]['ann_file']).unlink()
    with pytest.raises(UserError, match=r'lsp\.json does not exist'):
        build_runner(load_config(mixed_config), loaders=('train_dataloader',))


def test_an_epoch_sampler_goes_through_all_parts(parts):
    combined = CombinedDataset(parts, metainfo='coco')
    assert sorted(map(int, EpochSampler(combined, seed=0))) == list(range(9))
