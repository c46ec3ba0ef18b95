# HRNet-W32 on COCO at 256x192, as published (Sun et al., CVPR 2019): 210 epochs of Adam, batch 4 x 32.
_base_ = ['_base_/runtime.py', '_base_/coco.py']

codec = dict(type='MSRAHeatmap', input_size=(192, 256), sigma=2)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HRNet', arch='w32'),
    head=dict(type='HeatmapHead'),
    flip_test=True,
)

train_cfg = dict(max_epochs=210, val_interval=10)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = [dict(type='MultiStepLR', milestones=[170, 200], gamma=0.1)]
auto_scale_lr = dict(base_batch_size=128)
