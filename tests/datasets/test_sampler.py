"""Each index carries its seed and epoch, so a sample is the same in whichever process it is made."""

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset, DefaultSampler, RepeatDataset, pseudo_collate
from torch.utils.data import DataLoader

from hrpose.datasets import CocoDataset, EpochSampler, SampleKey
from hrpose.datasets.transforms import LoadImage, PackPose, PadBox, RandomRotation, RandomScale, WarpAffine

PIPELINE = (LoadImage(), PadBox((64, 64)), RandomScale(), RandomRotation(prob=1), WarpAffine((64, 64), range(5)))


def dataset_of(data) -> CocoDataset:
    return CocoDataset(**data.arguments, pipeline=[*PIPELINE, PackPose()])


def visits(dataset, *, epoch: int, workers: int = 0, seed: int = 3) -> list[tuple[int, float, bytes]]:
    """Return id, rotation and pixels of one epoch's samples, in the loader's order."""
    sampler = EpochSampler(dataset, seed=seed)
    sampler.set_epoch(epoch)
    loader = DataLoader(dataset, batch_size=2, sampler=sampler, num_workers=workers, collate_fn=pseudo_collate)
    return [
        (sample.id, sample.rotation, image.numpy().tobytes())
        for batch in loader
        for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True)
    ]


@pytest.mark.parametrize('shuffle', [True, False])
def test_indices_follow_mmengine_and_carry_seed_and_epoch(shuffle):
    ours, theirs = (kind(range(7), shuffle=shuffle, seed=11) for kind in (EpochSampler, DefaultSampler))
    for epoch in (0, 4):
        ours.set_epoch(epoch)
        theirs.set_epoch(epoch)
        assert list(ours) == [SampleKey(11, epoch, index) for index in theirs]
    assert len(ours) == 7


def test_samples_do_not_depend_on_the_number_of_workers(tiny_coco):
    dataset = dataset_of(tiny_coco(images=5))
    assert visits(dataset, epoch=1, workers=2) == visits(dataset, epoch=1, workers=0)


def test_samples_do_not_depend_on_numpys_global_seed(tiny_coco):
    dataset = dataset_of(tiny_coco())
    np.random.seed(0)
    first = visits(dataset, epoch=2)
    np.random.seed(1)
    assert visits(dataset, epoch=2) == first


def test_each_epoch_and_each_seed_augments_anew(tiny_coco):
    dataset = dataset_of(tiny_coco())
    runs = [visits(dataset, epoch=epoch, seed=seed) for epoch, seed in ((0, 3), (1, 3), (0, 4))]
    rotations = [rotation for run in runs for _, rotation, _ in run]
    assert len(set(rotations)) == 3 * len(dataset)


@pytest.mark.parametrize(
    'wrap', [lambda a, b: ConcatDataset([a, b]), lambda a, b: RepeatDataset(a, 2)], ids=['concat', 'repeat']
)
def test_wrapped_data_sets_are_augmented_differently_each_epoch(wrap, tiny_coco):
    wrapped = wrap(dataset_of(tiny_coco(images=2)), dataset_of(tiny_coco(images=2, name='other')))
    first, second = (visits(wrapped, epoch=epoch) for epoch in (0, 1))
    assert len(first) == 4
    assert {rotation for _, rotation, _ in first}.isdisjoint(rotation for _, rotation, _ in second)


def test_a_plain_index_is_epoch_0_of_seed_0(tiny_coco):
    dataset = dataset_of(tiny_coco())
    plain, keyed = dataset[1], dataset[SampleKey(0, 0, 1)]
    assert plain['data_samples'].rotation == keyed['data_samples'].rotation
    assert plain['inputs'].equal(keyed['inputs'])
