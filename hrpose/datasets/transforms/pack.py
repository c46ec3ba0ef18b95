"""The last step in a loader worker: it packs the crop as a tensor and everything else as a `PoseDataSample`."""

from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData

from hrpose.registry import TRANSFORMS
from hrpose.structures import PoseDataSample

META_KEYS = ('id', 'img_id', 'img_path', 'ori_shape', 'input_size', 'rotation', 'flip')


@TRANSFORMS.register_module()
class PackPose:
    """The step that packs `inputs`, uint8 RGB (3, h, w), and `data_samples`, a `PoseDataSample`."""

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        # Channels stay last in memory, as the network takes them, so neither this nor stacking a batch moves pixels.
        image = torch.from_numpy(np.ascontiguousarray(results['img'])).permute(2, 0, 1)
        return {'inputs': image, 'data_samples': make_sample(results)}


def make_sample(results: dict[str, Any]) -> PoseDataSample:
    """Return the sample of a warped record."""
    sample = PoseDataSample()
    meta = {key: results[key] for key in META_KEYS}
    for key, value in {**meta, 'box_center': results['center'], 'box_size': results['size']}.items():
        sample.set_field(value, key, field_type='metainfo')  # unlike `metainfo=`, without a deep copy
    truth = InstanceData(
        bboxes=np.asarray(results['box'], dtype=np.float32)[None],
        bbox_scores=np.asarray([results['box_score']], dtype=np.float32),
    )
    if 'keypoints' in results:
        truth.keypoints = results['keypoints'][None]
        truth.keypoints_visible = results['visible'][None]
        sample.gt_instance_labels = InstanceData(
            keypoints=results['input_keypoints'][None].astype(np.float32),
            keypoint_weights=(results['input_visible'][None] > 0).astype(np.float32),
        )
    sample.gt_instances = truth
    return sample
