"""The base of all data sets of single people: joints, paths, and one visit to one sample."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.utils import is_abs

from hrpose.datasets.metainfo import KNOWN, describe_flip_pairs, resolve, unpaired_joints
from hrpose.datasets.sampler import SampleKey
from hrpose.datasets.storage.archives import PLACE_OF, container_of
from hrpose.datasets.storage.columns import Record, RecordTable, paused_collector
from hrpose.datasets.transforms.load import LoadCrop, LoadImage
from hrpose.datasets.transforms.warp import decodes_late
from hrpose.errors import MissingDataError, UserError, some_of
from hrpose.images.files import ImageError
from hrpose.registry import TRANSFORMS
from hrpose.structures import MAX_COORDINATE

# So many unreadable images in a row are no accident: the folder is gone or the whole data set is broken.
MAX_BROKEN_IN_A_ROW = 20

# Advice by the end of the path of the annotations. `{data_root}` is filled in.
ADVICE = {
    '2017.json': """
  COCO is laid out as on cocodataset.org:
    annotations/person_keypoints_{train,val}2017.json  train2017/*.jpg  val2017/*.jpg
  without COCO, train on generated people:
    hrpose make-synthetic data/synthetic
    hrpose train hrnet_w16_synthetic_128x96""",
    **dict.fromkeys(
        ('person_keypoints_train.json', 'person_keypoints_val.json'),
        '\n  generated people are made by: hrpose make-synthetic {data_root}',
    ),
    **dict.fromkeys(
        ('annotations/train', 'annotations/val'),
        """
  PoseTrack18 is laid out as released:
    annotations/{train,val}/*.json  images/{train,val}/VIDEO/*.jpg
  without PoseTrack18, train on generated videos:
    hrpose make-synthetic data/synthetic_video --video
    hrpose train hrnet_w16_synthetic_video_128x96""",
    ),
}


class PoseDataset(BaseDataset):
    """A data set whose items are single people; subclasses say how an annotation file becomes records.

    A record has `img_path`, `img_id`, `id`, `box` (4,) xyxy in image px, `box_score`, and, where labelled, `keypoints`
    (K, 2) in image px and `visible` (K,) in {0, 1, 2}. `load_data_list` of a subclass returns a list of records, which
    may have more fields; `RecordTable` says what a field may hold.

    Args:
        ann_file: annotation file, relative to `data_root` unless absolute.
        metainfo: name or mapping, see `hrpose.datasets.metainfo.resolve`.
        data_root: folder that the other paths are relative to.
        data_prefix: `img` is the folder of the images, or a folder in the archive or LMDB that `LoadImage` reads.
        bbox_file: a detector's results, whose boxes replace the annotation's, relative to `data_root` unless absolute;
            test only.
        pipeline: configs of transforms, or callables.
        test_mode: for testing: a missing or unreadable image is an error.
        on_broken_image: what training does about an unreadable image: 'replace' it by another sample, with a warning
            and a count in `broken_images`, or 'error'.
        indices: keep only these records; a number keeps the first so many, a negative one the last.
        lazy_init: read the annotation file only when it is needed, or by `full_init()`.

    Raises:
        UserError: a path does not exist, or the file has no usable person.
    """

    linked = {'metainfo': 'metainfo'}
    data_list: Any  # the result of `load_data_list`; after `full_init`, a RecordTable

    def __init__(
        self,
        ann_file: str,
        *,
        metainfo: str | Mapping[str, Any] | None = 'coco',
        data_root: str = '',
        data_prefix: Mapping[str, str] | None = None,
        bbox_file: str | None = None,
        pipeline: Sequence[Any] = (),
        test_mode: bool = False,
        on_broken_image: str = 'replace',
        indices: int | Sequence[int] | None = None,
        lazy_init: bool = False,
    ) -> None:
        if on_broken_image not in ('replace', 'error'):
            raise UserError(f"on_broken_image: {on_broken_image!r} is neither 'replace' nor 'error'")
        self.on_broken_image = on_broken_image
        self.skipped: Counter[str] = Counter()
        self.broken_images: Counter[str] = Counter()
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=dict(data_prefix or {'img': ''}),
            pipeline=[TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline],
            test_mode=test_mode,
            indices=indices,
            lazy_init=True,
            serialize_data=False,  # mmengine would pickle; a RecordTable is smaller and as fast
        )
        self._check_reduction()
        self._metainfo = resolve(metainfo, self.ann_file)
        self.bbox_file = bbox_file and (bbox_file if is_abs(bbox_file) else str(Path(data_root) / bbox_file))
        if self._container_path:
            self.data_prefix['img'] = (data_prefix or {}).get('img', '')  # inside it, not under data_root
        self._require_paths()
        if self.bbox_file and not test_mode:
            raise UserError(f'bbox_file: {bbox_file} has boxes without keypoints; set test_mode=True, or leave it out')
        if not lazy_init:
            self.full_init()

    @property
    def num_joints(self) -> int:
        """K, the number of joints."""
        return len(self._metainfo['keypoint_names'])

    def full_init(self) -> None:
        """Read the annotation file once, and log what was left out and why.

        Raises:
            UserError: the data set is empty.
        """
        if self._fully_initialized:
            return
        with paused_collector():
            super().full_init()
            self.data_list = RecordTable.of(self.data_list)
        if not self.data_list:
            raise UserError(f'indices={self._indices}: keeps nobody of {self.ann_file}')
        self._require_numbers()
        self._require_images()
        self._log_contents()

    def _log_contents(self) -> None:
        rest = f'; left out: {self.left_out}' if self.skipped else ''
        print_log(f'{len(self)} people from {self.bbox_file or self.ann_file}{rest}', logger='current')
        if self._metainfo not in KNOWN.values():
            print_log(f'{self.num_joints} joints; {describe_flip_pairs(self._metainfo)}', logger='current')
        flip = self._metainfo['flip_indices']
        if len(flip) > 1 and list(flip) == list(range(len(flip))):
            print_log(
                "flipping exchanges no joints, which is wrong if there are left and right ones: name them 'left_…' and "
                "'right_…', or give flip_indices",
                'current',
                logging.WARNING,
            )
        elif alone := unpaired_joints(self._metainfo):
            print_log(
                f'{some_of(alone)}: left or right by name, but without a partner on the other side, so a flip '
                'teaches wrong joints; correct the name, or give flip_indices',
                'current',
                logging.WARNING,
            )

    def _require_numbers(self) -> None:
        """Refuse numbers that are not finite, or beyond all images, which would make every loss NaN."""
        for name in ('box', 'box_score', 'keypoints', 'visible'):
            place = self.data_list.first_not_finite(name, MAX_COORDINATE)
            if place is not None:
                record = self.data_list[place]
                raise UserError(
                    f"{self.bbox_file or self.ann_file}: '{name}' of person {record.get('id', place)} (image "
                    f'{record.get("img_id")}) has NaN, infinity or a number beyond {MAX_COORDINATE:.0f}'
                )

    def _require_images(self) -> None:
        """Refuse a test with a missing image, now rather than after an epoch of training.

        In an archive the look-up is cheap, and makes the index that all loader workers then share. So training looks up
        its images there too, but is refused only if all are missing.
        """
        container = container_of(self.backend_args)
        if self._is_packed or (not container and (self.backend_args or not self.test_mode)):
            return
        where = f' in {self._container_path}' if container else ''
        paths = set(self.data_list.values('img_path'))
        missing = sorted(path for path in paths if not (container.exists(path) if container else _is_there(path)))
        if missing and (self.test_mode or len(missing) == len(paths)):
            aim = 'test' if self.test_mode else 'training'
            raise UserError(
                f'{len(missing)} of {len(paths)} {aim} images do not exist{where}, for instance {missing[0]}'
            )

    @property
    def _is_packed(self) -> bool:
        """Whether people come from packed crops, which need no image."""
        return any(isinstance(step, LoadCrop) for step in self.pipeline.transforms)

    @property
    def backend_args(self) -> dict[str, Any] | None:
        """The file backend of the images: that of the first step of the pipeline that has one; None for local files."""
        steps = self.pipeline.transforms
        return next((args for step in steps if (args := getattr(step, 'backend_args', None))), None)

    @property
    def _container_path(self) -> str | None:
        """The path of the archive or LMDB that holds the images, if one does."""
        args = self.backend_args or {}
        return args.get(PLACE_OF.get(args.get('backend', ''), ''))

    def get_data_info(self, idx: int) -> Record:
        """Return a new dict of a record, with its index in the data set as `sample_idx`."""
        self.full_init()
        return {**self.data_list[idx], 'sample_idx': idx if idx >= 0 else len(self) + idx}

    def _get_unserialized_subset(self, indices: int | Sequence[int]) -> Any:
        """Return the records of mmengine's `indices` and `get_subset`; a table if there already is one."""
        if isinstance(indices, Sequence):
            count = len(self.data_list)
            if outside := [index for index in indices if not -count <= index < count]:
                raise UserError(f'indices: {self.ann_file} has {count} people, so there is no record {outside[0]}')
            if isinstance(self.data_list, RecordTable):
                return self.data_list[list(indices)]
        return super()._get_unserialized_subset(indices)

    def filter_data(self) -> list[Record]:
        """Return the records; raise `UserError` if there is none."""
        records = super().filter_data()
        if not records:
            rest = self.left_out or 'nothing'
            raise UserError(f'{self.bbox_file or self.ann_file}: has no usable person; left out: {rest}')
        return records

    @property
    def left_out(self) -> str:
        """What of the annotation file is not used, by reason, with numbers; '' if all is used."""
        return '; '.join(f'{count} {reason}' for reason, count in self.skipped.most_common())

    def __getitem__(self, key: int | SampleKey) -> dict[str, Any]:
        """Return the packed sample of one visit; a plain index means epoch 0 of seed 0."""
        self.full_init()
        key = key if isinstance(key, SampleKey) else SampleKey(0, 0, int(key))
        if self.test_mode or self.on_broken_image == 'error':
            return self._visit(key)
        for attempt in range(MAX_BROKEN_IN_A_ROW):
            try:
                return self._visit(key)
            except ImageError as error:
                self._report_broken(str(error))
                chance = np.random.default_rng([*key.numbers, attempt])
                key = key.at(int(chance.integers(len(self))))
        raise UserError(f'{self.data_prefix["img"]}: {MAX_BROKEN_IN_A_ROW} images in a row cannot be read')

    def _visit(self, key: SampleKey) -> dict[str, Any]:
        record = self.get_data_info(int(key))
        rng = np.random.default_rng(key.numbers)
        return self.pipeline({**record, 'rng': rng, 'decode_late': decodes_late(self.pipeline.transforms)})

    def _report_broken(self, message: str) -> None:
        self.broken_images[message] += 1
        if self.broken_images[message] == 1:
            advice = f'another sample replaces it ({len(self.broken_images)} broken so far in this process)'
            print_log(f'{message}; {advice}', 'current', logging.WARNING)

    def _check_reduction(self) -> None:
        """Refuse `LoadImage(reduce=True)` in a test, whose result it would change, and where it has no effect."""
        steps = self.pipeline.transforms
        if not any(isinstance(step, LoadImage) and step.reduce for step in steps):
            return
        if self.test_mode:
            raise UserError('LoadImage(reduce=True): only for training; a test reads images as they are stored')
        if not decodes_late(steps):
            names = [type(step).__name__ for step in steps]
            raise UserError(f'LoadImage(reduce=True): steps before WarpAffine may change regions only, unlike {names}')

    def _require_paths(self) -> None:
        """Stop before anything is built if the paths of the config do not exist."""
        images = '' if self._is_packed else self._container_path or self.data_prefix['img']
        root = f'data_root = {self.data_root or "(none)"}'
        missing = [path for path in (self.ann_file, images) if path and not _is_there(path)]
        if missing:
            advice = next((text for end, text in ADVICE.items() if self.ann_file.endswith(end)), '')
            raise MissingDataError(
                f'the data are not there: {missing[0]} does not exist.\n'
                f'  looked for  annotations  {self.ann_file}\n'
                f'              images       {images or "paths in the annotations"}\n'
                f'  in {root}; another place: --cfg-options data_root=/path/to/it'
                + advice.replace('{data_root}', self.data_root)
            )
        if self.bbox_file and not _is_there(self.bbox_file):
            raise MissingDataError(
                f'bbox_file: {self.bbox_file} does not exist; relative to data_root unless absolute; here {root}'
            )


def _is_there(path: str) -> bool:
    return '://' in path or Path(path).exists()
