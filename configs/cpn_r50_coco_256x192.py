# The Cascaded Pyramid Network (Chen et al., CVPR 2018) with ResNet-50 on COCO at 256x192, trained on all joints alike,
# from scratch. From ImageNet's weights, as published:
#   --cfg-options model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=/path/to/resnet50.pth
_base_ = ['_base_/runtime.py', '_base_/coco.py']

# The standard deviation of the paper's blur kernel of 7 cells; CPNHead widens the targets of coarser levels.
codec = dict(type='MSRAHeatmap', input_size=(192, 256), sigma=1.4)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='ResNet', depth=50, num_outputs=4),
    head=dict(type='CPNHead', loss=dict(type='KeypointMSELoss', factor=1)),
    flip_test=True,
)

# Ranges as in the public PyTorch port; within them, and for the share of rotated people, hrpose draws as mmpose does.
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomFlip'),
    dict(type='TruncatedScale', low=0.7, high=1.35),
    dict(type='TruncatedRotation', degrees=45, prob=0.6),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]

train_cfg = dict(max_epochs=32, val_interval=4)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=5e-4, weight_decay=1e-5, fused=True))
param_scheduler = [dict(type='StepLR', step_size=6, gamma=0.5)]
auto_scale_lr = dict(base_batch_size=32)
