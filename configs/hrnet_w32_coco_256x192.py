# HRNet-W32 on COCO at 256x192, as published (Sun et al., CVPR 2019): 210 epochs of Adam, batch 4 x 32.
# Starts from scratch. The published weights started from ImageNet's:
#   --cfg-options model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=hrnet_w32_imagenet
_base_ = ['_base_/recipe_official.py', '_base_/coco.py']

codec = dict(type='MSRAHeatmap', input_size=(192, 256), sigma=2)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HRNet', arch='w32'),
    head=dict(type='HeatmapHead'),
    flip_test=True,
)
