# HRNet-W32 on CrowdPose at 256x192. The official release has no CrowdPose; this is its recipe of COCO, batch 4 x 32.
# mmpose, whose figures are the ones that are quoted, trained by its own: see _base_/recipe_mmpose.py.
# This starts from scratch. ImageNet's weights instead:
#   --cfg-options model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=hrnet_w32_imagenet
_base_ = ['_base_/recipe_official.py', '_base_/crowdpose.py']

codec = dict(type='MSRAHeatmap', input_size=(192, 256), sigma=2)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HRNet', arch='w32'),
    head=dict(type='HeatmapHead'),
    flip_test=True,
)
