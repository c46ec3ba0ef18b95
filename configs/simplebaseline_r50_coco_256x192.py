# SimpleBaseline (Xiao et al., ECCV 2018) on COCO at 256x192: ResNet-50 and three transposed convolutions.
# Starts from scratch. The published weights started from ImageNet's; torchvision's file is taken as it is:
#   --cfg-options model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=/path/to/resnet50.pth
# The official weights and metrics are of BGR images: --cfg-options model.data_preprocessor.channel_order=bgr
_base_ = ['_base_/recipe_simplebaseline.py', '_base_/coco.py']

codec = dict(type='MSRAHeatmap', input_size=(192, 256), sigma=2)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='ResNet', depth=50),
    head=dict(type='HeatmapHead', deconv_channels=(256, 256, 256)),
    flip_test=True,
)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomScale', spread=0.3),
    dict(type='RandomRotation', degrees=40, prob=0.6),
    dict(type='RandomFlip'),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]
