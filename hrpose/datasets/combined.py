"""Several data sets as one: their joints brought together by name.

Letters: K joints of the target, S joints of a part.
"""

import bisect
from collections.abc import Mapping, Sequence
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

# The name of a part's joint -> the name of the target's joint that it is, or None for none of them.
Mapped = Mapping[str, str | None]


@DATASETS.register_module()
class CombinedDataset(Dataset):
    """Data sets with joints of their own, whose samples all have the target's joints.

    A part's joint is the target's of the same name, unless `mapping` says another. A joint of the target that a part
    lacks is unlabelled there: its visibility, and with it its weight in the loss, is 0. Joints change before anything
    else of the pipeline, so that flipping and half-body see the target's. A part keeps its own `metainfo`; the config's
    is the target. Shares of the parts: `RatioSampler`.

    Args:
        datasets: configs of `PoseDataset`s, the parts.
        metainfo: of the target.
        mapping: {'name in a part': 'name in the target'}, for all parts, or a list with one (or None) a part. None in
            place of the target's name leaves a joint out.
        lazy_init: read no annotation yet.

    Raises:
        UserError: a mapping that names joints which do not exist, two joints of a part for one of the target, or a part
            without any joint of the target.
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
            raise UserError('CombinedDataset has no datasets: give it the configs of two or more')
        names = [part.metainfo['keypoint_names'] for part in parts]
        target = self._metainfo['keypoint_names']
        for number, (part, own) in enumerate(zip(parts, _mappings(mapping, names), strict=True)):
            places = joint_places(names[number], target, own, f'datasets.{number}')
            part.pipeline.transforms.insert(0, TakeJoints(places, number))
            _say_joints(part, number, places, target)
        self.datasets = parts
        if not lazy_init:
            self.full_init()

    def full_init(self) -> None:
        """Read the annotation files of the parts, once."""
        for part in self.datasets:
            part.full_init()

    @cached_property
    def cumulative_sizes(self) -> list[int]:
        """Where each part ends: its samples come after those of the parts before it."""
        self.full_init()
        return np.cumsum([len(part) for part in self.datasets]).tolist()

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    @property
    def metainfo(self) -> dict[str, Any]:
        """The target's."""
        return dict(self._metainfo)

    def __getitem__(self, key: int | SampleKey) -> dict[str, Any]:
        """Return the packed sample of one visit; an unreadable image is replaced by another one of its part."""
        if not 0 <= key < len(self):
            raise IndexError(f'no sample {int(key)} among {len(self)}')
        number = bisect.bisect_right(self.cumulative_sizes, key)
        return self.datasets[number][key - (self.cumulative_sizes[number - 1] if number else 0)]


class TakeJoints:
    """Gives a part's record the target's joints.

    Args:
        places: (K,) which of the part's joints each of the target's is; -1 for none.
        part: its number, which distinguishes equal image ids of several parts: `img_id` becomes '{part}/{img_id}'.
    """

    def __init__(self, places: Sequence[int], part: int) -> None:
        self.places = np.array(places, dtype=np.int64)
        self.part = part

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return the record with `keypoints` (K, 2) in image px and `visible` (K,), 0 where the part has no joint."""
        taken = {**results, 'img_id': f'{self.part}/{results["img_id"]}'}
        if 'keypoints' in results:
            known = self.places >= 0
            taken['keypoints'] = np.where(known[:, None], results['keypoints'][self.places], 0.0)
            taken['visible'] = np.where(known, results['visible'][self.places], 0.0)
        return taken


def joint_places(source: Sequence[str], target: Sequence[str], mapping: Mapped, where: str) -> tuple[int, ...]:
    """Return, for each of K joints of the target, the place of the part's joint that it is; -1 where there is none.

    Args:
        source: (S) names of the part's joints.
        target: (K) names.
        mapping: name in the part -> name in the target, or None to leave the joint out; like-named ones need none.
        where: of the part, for messages.

    Raises:
        UserError: names that do not exist, two joints for one, or none for all.
    """
    for name, wanted in mapping.items():
        if name not in source:
            raise UserError(f"{where}: the mapping names a joint '{name}', which is not there; {nearest(name, source)}")
        if wanted is not None and wanted not in target:
            raise UserError(
                f"{where}: the mapping sends '{name}' to '{wanted}', which the target lacks; {nearest(wanted, target)}"
            )
    places: dict[str, int] = {}
    for index, name in enumerate(source):
        wanted = mapping.get(name, name)
        if wanted is None or wanted not in target:
            continue
        if wanted in places:
            raise UserError(
                f"{where}: '{source[places[wanted]]}' and '{name}' would both be the target's '{wanted}'; "
                f"leave one out: mapping={{'{name}': None}}"
            )
        places[wanted] = index
    if not places:
        raise UserError(
            f'{where} has no joint of the target, and the mapping names none: {", ".join(source)} against '
            f'{", ".join(target)}'
        )
    return tuple(places.get(name, -1) for name in target)


def _built(part: Any, number: int) -> PoseDataset:
    if not isinstance(part, Mapping):
        raise UserError(f'datasets.{number} of CombinedDataset has to be the config of a data set, not {part!r:.80}')
    dataset = DATASETS.build({**part, 'lazy_init': True})
    if not isinstance(dataset, PoseDataset):
        raise UserError(
            f'datasets.{number} of CombinedDataset is a {type(dataset).__name__}; it takes data sets of people such as '
            'CocoDataset, and none that wraps another (what is to come more often, RatioSampler repeats)'
        )
    return dataset


def _mappings(mapping: Mapped | Sequence[Mapped | None] | None, names: Sequence[Sequence[str]]) -> list[Mapped]:
    """Return one mapping a part; of one for all, each part gets what names its joints."""
    if mapping is None:
        return [{} for _ in names]
    if not isinstance(mapping, Mapping):
        if len(mapping) != len(names):
            raise UserError(f'CombinedDataset has {len(names)} datasets, but {len(mapping)} mappings: one for each')
        return [own or {} for own in mapping]
    known = {name for part in names for name in part}
    if unknown := sorted(set(mapping) - known):
        raise UserError(f"the mapping names a joint '{unknown[0]}', which no part has; {nearest(unknown[0], known)}")
    return [{name: wanted for name, wanted in mapping.items() if name in part} for part in names]


def _say_joints(part: PoseDataset, number: int, places: Sequence[int], target: Sequence[str]) -> None:
    without = [name for name, place in zip(target, places, strict=True) if place < 0]
    unused = [name for at, name in enumerate(part.metainfo['keypoint_names']) if at not in places]
    print_log(
        f"datasets.{number} ('{part.metainfo['dataset_name']}') has {len(target) - len(without)} of the target's "
        f'{len(target)} joints; unlabelled in it: {", ".join(without) or "none"}; its own without a use: '
        f'{", ".join(unused) or "none"}',
        logger='current',
    )
