"""PoseTrack18: people in frames of videos, 17 key points of which the ears are never annotated."""

from collections.abc import Mapping
from typing import Any

from hrpose.datasets.coco import CocoDataset
from hrpose.registry import DATASETS


@DATASETS.register_module()
class PoseTrack18Dataset(CocoDataset):
    """People of PoseTrack18 in single frames, with the annotation's boxes or a detector's.

    The files are COCO's in form. Frames that nobody annotated hold no people, so nothing is trained or tested on them.
    An image's `file_name` starts at the release's root (`images/val/…`): leave `data_prefix` out.

    Args:
        ann_file: the release's folder of one JSON a video (`annotations/val`), or one JSON with all videos.
        metainfo: name or mapping of 17 joints.
        **options: those of `CocoDataset`.
    """

    def __init__(self, ann_file: str, *, metainfo: str | Mapping[str, Any] = 'posetrack18', **options: Any) -> None:
        super().__init__(ann_file, metainfo=metainfo, **options)
