"""Metrics of mmengine's, and the plain functions under them: OKS, NMS, rescoring, PCK, AP."""

from hrpose.evaluation.by_joint import JointAgreement, joint_agreement
from hrpose.evaluation.coco_eval import available_backends, evaluate_coco
from hrpose.evaluation.coco_metric import CocoMetric
from hrpose.evaluation.crowdpose_eval import evaluate_crowdpose
from hrpose.evaluation.crowdpose_metric import CrowdPoseMetric
from hrpose.evaluation.lengths import person_lengths
from hrpose.evaluation.mpii_metric import MpiiMetric
from hrpose.evaluation.nms import oks_nms, soft_oks_nms
from hrpose.evaluation.oks import joint_similarity, oks
from hrpose.evaluation.pck import auc, epe, joint_distances, joint_mean, pck
from hrpose.evaluation.pck_metric import AUCMetric, EPEMetric, PCKMetric
from hrpose.evaluation.pckh import head_lengths, pckh, read_mpii_truth
from hrpose.evaluation.posetrack18_metric import PoseTrack18Metric
from hrpose.evaluation.posetrack_ap import average_precision, in_regions, posetrack_ap, right_joints
from hrpose.evaluation.rescoring import rescore
from hrpose.evaluation.tables import format_table

__all__ = [
    'AUCMetric',
    'CocoMetric',
    'CrowdPoseMetric',
    'EPEMetric',
    'JointAgreement',
    'MpiiMetric',
    'PCKMetric',
    'PoseTrack18Metric',
    'auc',
    'available_backends',
    'average_precision',
    'epe',
    'evaluate_coco',
    'evaluate_crowdpose',
    'format_table',
    'head_lengths',
    'in_regions',
    'joint_agreement',
    'joint_distances',
    'joint_mean',
    'joint_similarity',
    'oks',
    'oks_nms',
    'pck',
    'pckh',
    'posetrack_ap',
    'person_lengths',
    'read_mpii_truth',
    'rescore',
    'right_joints',
    'soft_oks_nms',
]
