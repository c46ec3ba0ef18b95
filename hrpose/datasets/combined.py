"""Several data sets as one, with joints matched by name. K joints of the target, S joints of a part."""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from mmengine.logging import print_log
from torch.utils.data import Dataset

from hrpose.datasets.base import PoseDataset
from hrpose.datasets.metainfo import resolve
from hrpose.datasets.sampler import SampleKey
from hrpose.errors import UserError, nearest
from hrpose.registry import DATASETS

# Name of a part's joint -> name of the same joint in the target, or None to leave it out.
Mapped = Mapping[str, str | None]


@DATASETS.register_module()
class CombinedDataset(Dataset):
    """Data sets with different joints, whose samples all have the target's joints.

    A part's joint is the target's joint of the same name, unless `mapping` gives another name. Joints of the target
    that a part lacks are unlabelled there: their visibility, and so their weight in the loss, is 0. The pipeline begins
    with the exchange of joints, so that flip and half-body see those of the target. Parts keep their own `metainfo`;
    that of the config is the target. `RatioSampler` draws from the parts in given ratios.

    Args:
        datasets: configs of `PoseDataset`s, the parts.
        metainfo: of the target.
        mapping: {'name in a part': 'name in the target'} for all parts, or a list of one mapping (or None) a part. None
            as the target's name leaves a joint out.
        lazy_init: do not read annotation files yet.

    Raises:
        UserError: `mapping` names joints that do not exist or two joints of a part for one of the target, or a part has
            no joint of the target.
    """

    linked = {'metainfo': 'metainfo'}

    def __init__(
        self,
        datasets: Sequence[Mapping[str, Any]],
        *,
        metainfo: str | Mapping[str, Any],
        mapping: Mapped | Sequence[Mapped | None] | None = None,
        lazy_init: bool = False,
    ) -> None:
        self._metainfo = resolve(metainfo)
        parts = [_built(part, number) for number, part in enumerate(datasets)]
        if not parts:
            raise UserError('CombinedDataset: datasets is empty; give the configs of two or more')
        names = [part.metainfo['keypoint_names'] for part in parts]
        target = self._metainfo['keypoint_names']
        for number, (part, own) in enumerate(zip(parts, _mappings(mapping, names), strict=True)):
            places = joint_places(names[number], target, own, f'datasets.{number}')
            part.pipeline.transforms.insert(0, TakeJoints(np.array(places), number))
            _log_joints(part, number, places, target)
        self.datasets = parts
        if not lazy_init:
            self.full_init()

    def full_init(self) -> None:
        """Read the annotation files of the parts, once."""
        for part in self.datasets:
            part.full_init()

    @cached_property
    def cumulative_sizes(self) -> list[int]:
        """The index at which each part ends; the parts follow one another."""
        self.full_init()
        return np.cumsum([len(part) for part in self.datasets]).tolist()

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    @property
    def metainfo(self) -> dict[str, Any]:
        """Metainfo of the target."""
        return dict(self._metainfo)

    def __getitem__(self, key: int | SampleKey) -> dict[str, Any]:
        """Return the packed sample of one visit; an unreadable image is replaced by one of the same part."""
        if not 0 <= key < len(self):
            raise IndexError(f'there is no sample {int(key)} among {len(self)}')
        number = bisect.bisect_right(self.cumulative_sizes, key)
        return self.datasets[number][key - (self.cumulative_sizes[number - 1] if number else 0)]


@dataclass(frozen=True)
class TakeJoints:
    """Exchanges a part's joints for the target's."""

    places: np.ndarray  # (K,) index of each of the target's joints in the part; -1 for none
    part: int  # number of the part; `img_id` becomes '{part}/{img_id}', since parts may have equal image ids

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return the record with `keypoints` (K, 2) in image px and `visible` (K,), 0 where the part has no joint."""
        taken = {**results, 'img_id': f'{self.part}/{results["img_id"]}'}
        if 'keypoints' in results:
            known = self.places >= 0
            taken['keypoints'] = np.where(known[:, None], results['keypoints'][self.places], 0.0)
            taken['visible'] = np.where(known, results['visible'][self.places], 0.0)
        return taken


def joint_places(source: Sequence[str], target: Sequence[str], mapping: Mapped, where: str) -> tuple[int, ...]:
    """Return, for each of K joints of the target, its index in the part; -1 where the part lacks it.

    Args:
        source: (S) names of the part's joints.
        target: (K) names of the target's joints.
        mapping: name in the part -> name in the target, or None to leave the joint out; equal names need no entry.
        where: the part, for messages.

    Raises:
        UserError: names that do not exist, two joints for one, or no joint in common.
    """
    for name, wanted in mapping.items():
        if name not in source:
            raise UserError(f"{where}: mapping has a joint '{name}' that the part lacks; {nearest(name, source)}")
        if wanted is not None and wanted not in target:
            raise UserError(
                f"{where}: mapping sends '{name}' to '{wanted}', which the target lacks; {nearest(wanted, target)}"
            )
    places: dict[str, int] = {}
    for index, name in enumerate(source):
        wanted = mapping.get(name, name)
        if wanted is None or wanted not in target:
            continue
        if wanted in places:
            raise UserError(
                f"{where}: '{source[places[wanted]]}' and '{name}' are both the target's '{wanted}'; "
                f"leave one out: mapping={{'{name}': None}}"
            )
        places[wanted] = index
    if not places:
        raise UserError(
            f'{where}: has no joint of the target, with or without mapping: {", ".join(source)} against '
            f'{", ".join(target)}'
        )
    return tuple(places.get(name, -1) for name in target)


def _built(part: Any, number: int) -> PoseDataset:
    if not isinstance(part, Mapping):
        raise UserError(f'datasets.{number} of CombinedDataset: {part!r:.80} is not the config of a data set')
    dataset = DATASETS.build({**part, 'lazy_init': True})
    if not isinstance(dataset, PoseDataset):
        raise UserError(
            f'datasets.{number} of CombinedDataset: {type(dataset).__name__} is not a data set of people such as '
            'CocoDataset; to repeat a part, use RatioSampler'
        )
    return dataset


def _mappings(mapping: Mapped | Sequence[Mapped | None] | None, names: Sequence[Sequence[str]]) -> list[Mapped]:
    """Return one mapping a part; a mapping for all parts is split by the joints that each part has."""
    if mapping is None:
        return [{} for _ in names]
    if not isinstance(mapping, Mapping):
        if len(mapping) != len(names):
            raise UserError(f'CombinedDataset: {len(mapping)} mappings for {len(names)} datasets; give one for each')
        return [own or {} for own in mapping]
    known = {name for part in names for name in part}
    if unknown := sorted(set(mapping) - known):
        raise UserError(f"mapping: no part has a joint '{unknown[0]}'; {nearest(unknown[0], known)}")
    return [{name: wanted for name, wanted in mapping.items() if name in part} for part in names]


def _log_joints(part: PoseDataset, number: int, places: Sequence[int], target: Sequence[str]) -> None:
    without = [name for name, place in zip(target, places, strict=True) if place < 0]
    unused = [name for at, name in enumerate(part.metainfo['keypoint_names']) if at not in places]
    print_log(
        f"datasets.{number} ('{part.metainfo['dataset_name']}') has {len(target) - len(without)} of the target's "
        f'{len(target)} joints; unlabelled: {", ".join(without) or "none"}; not used: {", ".join(unused) or "none"}',
        logger='current',
    )
