# HRNet-W32 on CrowdPose at 256x192. The official release has no CrowdPose, so this is its COCO recipe, batch 4 x 32.
# The metrics that are usually quoted are mmpose's, with mmpose's recipe: see _base_/recipe_mmpose.py.
# Starts from scratch. From ImageNet's weights instead:
#   --cfg-options model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=hrnet_w32_imagenet
_base_ = ['_base_/recipe_official.py', '_base_/crowdpose.py']

codec = dict(type='MSRAHeatmap', input_size=(192, 256), sigma=2)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HRNet', arch='w32'),
    head=dict(type='HeatmapHead'),
    flip_test=True,
)
