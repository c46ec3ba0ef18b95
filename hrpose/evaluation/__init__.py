"""Metrics of mmengine's, and the plain functions under them: OKS, NMS, rescoring, PCK, AP."""

from typing import TYPE_CHECKING

from hrpose.evaluation.functional.nms import oks_nms, rescore, soft_oks_nms
from hrpose.evaluation.functional.oks import joint_similarity, oks
from hrpose.evaluation.functional.posetrack_ap import average_precision, in_regions, posetrack_ap, right_joints
from hrpose.lazy import lazy

if TYPE_CHECKING:
    from hrpose.evaluation.functional.coco_ap import JointAgreement, available_backends, evaluate_coco, joint_agreement
    from hrpose.evaluation.functional.crowdpose_ap import evaluate_crowdpose
    from hrpose.evaluation.functional.pck import (
        auc,
        epe,
        head_lengths,
        joint_distances,
        joint_mean,
        pck,
        pckh,
        person_lengths,
        read_mpii_truth,
    )
    from hrpose.evaluation.functional.posetrack_mot import posetrack_identity, posetrack_mot
    from hrpose.evaluation.metrics.accuracy import AccuracyMetric
    from hrpose.evaluation.metrics.base import format_table
    from hrpose.evaluation.metrics.coco import CocoMetric
    from hrpose.evaluation.metrics.crowdpose import CrowdPoseMetric
    from hrpose.evaluation.metrics.jhmdb import JhmdbMetric
    from hrpose.evaluation.metrics.mpii import MpiiMetric
    from hrpose.evaluation.metrics.pck import AUCMetric, EPEMetric, PCKMetric
    from hrpose.evaluation.metrics.posetrack import PoseTrack18Metric
    from hrpose.evaluation.metrics.wholebody import CocoWholeBodyMetric

__all__ = [
    'AUCMetric', 'AccuracyMetric', 'CocoMetric', 'CocoWholeBodyMetric', 'CrowdPoseMetric', 'EPEMetric', 'JhmdbMetric',
    'JointAgreement', 'MpiiMetric', 'PCKMetric', 'PoseTrack18Metric', 'auc', 'available_backends',
    'average_precision', 'epe', 'evaluate_coco', 'evaluate_crowdpose', 'evaluate_wholebody', 'format_table',
    'head_lengths', 'in_regions', 'joint_agreement', 'joint_distances', 'joint_mean', 'joint_similarity', 'oks',
    'oks_nms', 'pck', 'pckh', 'person_lengths', 'posetrack_ap', 'posetrack_identity', 'posetrack_mot',
    'read_mpii_truth', 'rescore', 'right_joints', 'soft_oks_nms',
]  # fmt: skip

__getattr__ = lazy(
    __name__,
    {
        'posetrack_identity': 'hrpose.evaluation.functional.posetrack_mot',
        'posetrack_mot': 'hrpose.evaluation.functional.posetrack_mot',
        'JointAgreement': 'hrpose.evaluation.functional.coco_ap',
        'available_backends': 'hrpose.evaluation.functional.coco_ap',
        'evaluate_coco': 'hrpose.evaluation.functional.coco_ap',
        'joint_agreement': 'hrpose.evaluation.functional.coco_ap',
        'evaluate_crowdpose': 'hrpose.evaluation.functional.crowdpose_ap',
        'evaluate_wholebody': 'hrpose.evaluation.functional.wholebody_ap',
        'auc': 'hrpose.evaluation.functional.pck',
        'epe': 'hrpose.evaluation.functional.pck',
        'head_lengths': 'hrpose.evaluation.functional.pck',
        'joint_distances': 'hrpose.evaluation.functional.pck',
        'joint_mean': 'hrpose.evaluation.functional.pck',
        'pck': 'hrpose.evaluation.functional.pck',
        'pckh': 'hrpose.evaluation.functional.pck',
        'person_lengths': 'hrpose.evaluation.functional.pck',
        'read_mpii_truth': 'hrpose.evaluation.functional.pck',
        'AccuracyMetric': 'hrpose.evaluation.metrics.accuracy',
        'format_table': 'hrpose.evaluation.metrics.base',
        'CocoMetric': 'hrpose.evaluation.metrics.coco',
        'CocoWholeBodyMetric': 'hrpose.evaluation.metrics.wholebody',
        'CrowdPoseMetric': 'hrpose.evaluation.metrics.crowdpose',
        'JhmdbMetric': 'hrpose.evaluation.metrics.jhmdb',
        'MpiiMetric': 'hrpose.evaluation.metrics.mpii',
        'AUCMetric': 'hrpose.evaluation.metrics.pck',
        'EPEMetric': 'hrpose.evaluation.metrics.pck',
        'PCKMetric': 'hrpose.evaluation.metrics.pck',
        'PoseTrack18Metric': 'hrpose.evaluation.metrics.posetrack',
    },
)
