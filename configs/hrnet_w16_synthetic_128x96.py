# The demo: a small HRNet learns generated people in minutes, on two CPU cores.
# The data: python tools/data/make_synthetic.py data/synthetic
_base_ = ['_base_/runtime.py', '_base_/coco.py']

data_root = 'data/synthetic'
codec = dict(type='MSRAHeatmap', input_size=(96, 128), sigma=1.5)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HRNet', arch='w16_small'),
    head=dict(type='HeatmapHead'),
)

train_dataloader = dict(
    num_workers=2,
    dataset=dict(ann_file='annotations/person_keypoints_train.json', data_prefix=dict(img='train')),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(ann_file='annotations/person_keypoints_val.json', data_prefix=dict(img='val')),
)

train_cfg = dict(max_epochs=10, val_interval=2)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=100, by_epoch=False),
    dict(type='MultiStepLR', milestones=[8, 9], gamma=0.1),
]
auto_scale_lr = dict(base_batch_size=32)
