"""Leeds Sports Pose Extended as a data set, read from the release's `joints.mat` and images."""

from collections.abc import Sequence
from typing import Any

from hrpose.datasets.base import PoseDataset
from hrpose.errors import UserError
from hrpose.registry import DATASETS

from .joints import read_people


@DATASETS.register_module()
class LspExtendedDataset(PoseDataset):
    """The people of `joints.mat`, one in each image.

    Args:
        ann_file: the release's joints.mat.
        images: (first, last) numbers of the images to take, from 1, both included; the release has no split.
        **options: those of `PoseDataset`; `metainfo` is 'lsp' unless given.

    Raises:
        UserError: a file of another form, or an empty range.
    """

    def __init__(self, ann_file: str, *, images: Sequence[int], metainfo: Any = 'lsp', **options: Any) -> None:
        first, last = images
        if not 1 <= first <= last:
            raise UserError(f'LspExtendedDataset: images is (first, last), counted from 1, not {tuple(images)}')
        self.images = (first, last)
        super().__init__(ann_file, metainfo=metainfo, **options)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Return one record a person. People without a labelled joint are left out, and counted in `skipped`."""
        first, last = self.images
        records = []
        for person in read_people(self.ann_file)[first - 1 : last]:
            if person['box'] is None:
                self.skipped['without a labelled joint'] += 1
                continue
            records.append(
                {
                    'img_id': person['id'],
                    'id': person['id'],
                    'img_path': f'{self.data_prefix["img"]}/{person["file_name"]}',
                    'keypoints': person['keypoints'],
                    'visible': person['visible'],
                    'box': person['box'],
                    'box_score': 1.0,
                }
            )
        return records
