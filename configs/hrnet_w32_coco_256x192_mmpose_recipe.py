# HRNet-W32 on COCO at 256x192 with mmpose 1.x's recipe: batch 8 x 64, warm-up, shift, more scale and rotation.
# Starts from scratch. mmpose starts from ImageNet's weights:
#   --cfg-options model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=hrnet_w32_imagenet
_base_ = ['_base_/recipe_mmpose.py']

codec = dict(type='MSRAHeatmap', input_size=(192, 256), sigma=2)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HRNet', arch='w32'),
    head=dict(type='HeatmapHead'),
    flip_test=True,
)
