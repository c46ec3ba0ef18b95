"""The registered metrics: COCO, COCO-WholeBody, CrowdPose, PoseTrack, MPII, JHMDB, PCK, AUC and EPE, and accuracy."""

from hrpose.evaluation.metrics.accuracy import AccuracyMetric
from hrpose.evaluation.metrics.coco import CocoMetric
from hrpose.evaluation.metrics.crowdpose import CrowdPoseMetric
from hrpose.evaluation.metrics.jhmdb import JhmdbMetric
from hrpose.evaluation.metrics.mpii import MpiiMetric
from hrpose.evaluation.metrics.pck import AUCMetric, EPEMetric, PCKMetric
from hrpose.evaluation.metrics.posetrack import PoseTrack18Metric
from hrpose.evaluation.metrics.wholebody import CocoWholeBodyMetric

__all__ = [
    'AUCMetric', 'AccuracyMetric', 'CocoMetric', 'CocoWholeBodyMetric', 'CrowdPoseMetric', 'EPEMetric', 'JhmdbMetric',
    'MpiiMetric', 'PCKMetric', 'PoseTrack18Metric',
]  # fmt: skip
