"""`PoseDataSample`: ground truth and prediction of one person in one image."""

from typing import Any

from mmengine.structures import BaseDataElement, InstanceData


def _field(name: str, doc: str) -> property:
    """Return a property for a data field of mmengine's, stored as `_name`; its type is checked."""

    def get(self: BaseDataElement) -> Any:
        return getattr(self, f'_{name}')

    def put(self: BaseDataElement, value: InstanceData) -> None:
        self.set_field(value, f'_{name}', dtype=InstanceData)

    def delete(self: BaseDataElement) -> None:
        delattr(self, f'_{name}')

    return property(get, put, delete, doc)


class PoseDataSample(BaseDataElement):
    """One person, with OpenMMLab's field names and NumPy arrays. The leading 1 of each shape stands for the person.

    Metainfo: `img_id`, `id` (the annotation's, or a running number for detections), `img_path`, `ori_shape` (h, w),
    `input_size` (w, h), `box_center` (2,) and `box_size` (2,) of the padded region in image px, `rotation` in degrees,
    `flip`, whether the image was mirrored.
    """

    gt_instances: InstanceData = _field(
        'gt_instances',
        'Ground truth: keypoints (1, K, 2) image px, keypoints_visible (1, K), bboxes (1, 4) xyxy, bbox_scores (1,).',
    )
    pred_instances: InstanceData = _field(
        'pred_instances',
        'Prediction: keypoints (1, K, 2) image px, keypoint_scores (1, K), bboxes (1, 4) xyxy, bbox_scores (1,).',
    )
    gt_instance_labels: InstanceData = _field(
        'gt_instance_labels',
        'Training targets: keypoints (1, K, 2) input px, keypoint_weights (1, K) in {0, 1}.',
    )
