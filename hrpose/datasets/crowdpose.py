"""CrowdPose: people in crowds, 14 joints, in COCO's form."""

from collections.abc import Mapping
from typing import Any

from hrpose.datasets.coco import CocoDataset
from hrpose.registry import DATASETS


@DATASETS.register_module()
class CrowdPoseDataset(CocoDataset):
    """People of CrowdPose, with the annotation's boxes or a detector's.

    The files are COCO's in form, without areas, and with a `crowdIndex` for each image, which `CrowdPoseMetric` reads.

    Args:
        ann_file: `crowdpose_train.json`, `crowdpose_val.json`, `crowdpose_trainval.json` or `crowdpose_test.json` of
            the release.
        metainfo: name or mapping of 14 joints.
        **options: those of `CocoDataset`.
    """

    def __init__(self, ann_file: str, *, metainfo: str | Mapping[str, Any] = 'crowdpose', **options: Any) -> None:
        super().__init__(ann_file, metainfo=metainfo, **options)
