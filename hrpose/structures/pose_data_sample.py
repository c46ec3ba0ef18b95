"""`PoseDataSample`: ground truth and prediction of one person in one image."""

from mmengine.structures import BaseDataElement, InstanceData

# Fields that a calibrated model adds to `pred_instances`, each (1, K): the probability that a joint is right, and the
# probability that it is visible at all.
PROBABILITIES = ('keypoint_probabilities', 'keypoint_visible_probabilities')


class PoseDataSample(BaseDataElement):
    """One person, with OpenMMLab's field names and NumPy arrays. The leading 1 of each shape stands for the person.

    Metainfo: `img_id`, `id` (the annotation's, or a running number for detections), `img_path`, `ori_shape` (h, w),
    `input_size` (w, h), `box_center` (2,) and `box_size` (2,) of the padded region in image px, `rotation` in degrees,
    `flip`, whether the image was mirrored.
    """

    # keypoints (1, K, 2) image px, keypoints_visible (1, K), bboxes (1, 4) xyxy, bbox_scores (1,)
    gt_instances: InstanceData
    # keypoints (1, K, 2) image px, keypoint_scores (1, K), bboxes (1, 4) xyxy, bbox_scores (1,), `PROBABILITIES`
    pred_instances: InstanceData
    # training targets: keypoints (1, K, 2) input px, keypoints_visible (1, K) in {0, 1, 2}, and keypoint_weights (1, K)
    # in {0, 1}
    gt_instance_labels: InstanceData
