"""The registered metrics: COCO, CrowdPose, PoseTrack, MPII, PCK, AUC and EPE, and accuracy."""
