"""`PoseDataSample`: everything known about one person in one image, truth and prediction."""

from typing import Any

from mmengine.structures import BaseDataElement, InstanceData


def _field(name: str, doc: str) -> property:
    """Return a property kept in `_name` by mmengine's data-field rules and checked for its type."""

    def get(self: BaseDataElement) -> Any:
        return getattr(self, f'_{name}')

    def put(self: BaseDataElement, value: InstanceData) -> None:
        self.set_field(value, f'_{name}', dtype=InstanceData)

    def delete(self: BaseDataElement) -> None:
        delattr(self, f'_{name}')

    return property(get, put, delete, doc)


class PoseDataSample(BaseDataElement):
    """One person: OpenMMLab's field names, NumPy arrays, one instance (the leading 1 of each shape).

    Metainfo: `img_id`, `id` (the annotation's, or a running number for detections), `img_path`, `ori_shape`
    (h, w), `input_size` (w, h), `box_center` (2,) and `box_size` (2,) in image px (padded, aspect fixed),
    `rotation` in degrees, `flip` whether the image was mirrored.
    """

    gt_instances: InstanceData = _field(
        'gt_instances',
        'Truth: keypoints (1, K, 2) image px, keypoints_visible (1, K), bboxes (1, 4) xyxy, bbox_scores (1,).',
    )
    pred_instances: InstanceData = _field(
        'pred_instances',
        'Prediction: keypoints (1, K, 2) image px, keypoint_scores (1, K), bboxes (1, 4) xyxy, bbox_scores (1,).',
    )
    gt_instance_labels: InstanceData = _field(
        'gt_instance_labels',
        'What training aims at: keypoints (1, K, 2) input px, keypoint_weights (1, K) in {0, 1}.',
    )
