"""The registered metrics: COCO, CrowdPose, PoseTrack, MPII, and PCK, AUC and EPE."""
