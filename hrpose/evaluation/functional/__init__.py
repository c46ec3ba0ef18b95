"""The measures as plain functions: OKS, NMS, rescoring, PCK, PCKh, the AP of COCO, CrowdPose and
PoseTrack, and PoseTrack's MOTA, HOTA and IDF1."""
