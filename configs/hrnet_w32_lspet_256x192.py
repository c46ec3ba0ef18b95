# HRNet-W32 at 256x192 from scratch on Leeds Sports Pose Extended: 14 joints; PCK relative to the box size; for one GPU.
_base_ = 'hrnet_w16_lspet_128x128.py'

codec = dict(type='MSRAHeatmap', input_size=(192, 256), sigma=2)
model = dict(backbone=dict(arch='w32'))
train_dataloader = dict(batch_size=64, num_workers=8)
val_dataloader = dict(batch_size=64, num_workers=8)

train_cfg = dict(max_epochs=60, val_interval=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=200, by_epoch=False),
    dict(type='MultiStepLR', milestones=[45, 55], gamma=0.1),
]
auto_scale_lr = dict(base_batch_size=64)
