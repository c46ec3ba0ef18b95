"""Metrics of mmengine's, and the plain functions under them: OKS, NMS, rescoring, PCK, AP."""

from hrpose.evaluation.by_joint import JointAgreement, joint_agreement
from hrpose.evaluation.coco_eval import available_backends, evaluate_coco
from hrpose.evaluation.coco_metric import CocoMetric
from hrpose.evaluation.mpii_metric import MpiiMetric
from hrpose.evaluation.nms import oks_nms, soft_oks_nms
from hrpose.evaluation.oks import joint_similarity, oks
from hrpose.evaluation.pck import auc, epe, joint_distances, joint_mean, pck
from hrpose.evaluation.pck_metric import PCKMetric
from hrpose.evaluation.pckh import head_lengths, pckh, read_mpii_truth
from hrpose.evaluation.rescoring import rescore
from hrpose.evaluation.tables import format_table

__all__ = [
    'CocoMetric',
    'JointAgreement',
    'MpiiMetric',
    'PCKMetric',
    'auc',
    'available_backends',
    'epe',
    'evaluate_coco',
    'format_table',
    'head_lengths',
    'joint_agreement',
    'joint_distances',
    'joint_mean',
    'joint_similarity',
    'oks',
    'oks_nms',
    'pck',
    'pckh',
    'read_mpii_truth',
    'rescore',
    'soft_oks_nms',
]
