"""Images that are sorted into a folder for each class, such as ImageNet's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

from hrpose.datasets.sampler import SampleKey
from hrpose.errors import MissingDataError, UserError
from hrpose.registry import DATASETS, TRANSFORMS

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.webp')


@DATASETS.register_module()
class ImageFolder(BaseDataset):
    """The images in one folder a class, at any depth. Labels count the classes in alphabetical order.

    A record has `img_path` and `gt_label`. What a visit to it draws depends on seed, epoch and index alone.

    Args:
        data_root: the folder of the data.
        data_prefix: `img` is the folder in it that holds the classes' folders, by default `data_root` itself.
        pipeline: configs of transforms, or callables.
        test_mode: for testing.
        lazy_init: list the images only when they are needed.

    Raises:
        UserError: no such folder, or a folder without classes or images.
    """

    def __init__(
        self,
        data_root: str,
        *,
        data_prefix: Mapping[str, str] | None = None,
        pipeline: Sequence[Any] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        self.root = root = Path(data_root, (data_prefix or {}).get('img', ''))
        self.classes = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
        if not self.classes:
            found = 'has no folders' if root.is_dir() else 'does not exist'
            raise MissingDataError(f'ImageFolder: {root} {found}; give a folder with one of images a class')
        super().__init__(
            data_root=data_root,
            metainfo={'classes': self.classes},
            pipeline=[TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline],
            test_mode=test_mode,
            lazy_init=lazy_init,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Return one record an image, class by class; raise `UserError` if there is none."""
        records = [
            {'img_path': str(path), 'gt_label': label}
            for label, name in enumerate(self.classes)
            for path in sorted((self.root / name).rglob('*'))
            if path.suffix.lower() in SUFFIXES
        ]
        if not records:
            raise UserError(f'ImageFolder: the folders in {self.root} have no images ({", ".join(SUFFIXES)})')
        return records

    def prepare_data(self, idx: int | SampleKey) -> Any:
        """Return the packed sample of one visit; a plain index means epoch 0 of seed 0."""
        key = idx if isinstance(idx, SampleKey) else SampleKey(0, 0, int(idx))
        return self.pipeline({**self.get_data_info(int(key)), 'rng': np.random.default_rng(key.numbers)})
