"""The measures as plain functions: OKS, NMS, rescoring, PCK, PCKh, and the AP of COCO, CrowdPose and PoseTrack."""
