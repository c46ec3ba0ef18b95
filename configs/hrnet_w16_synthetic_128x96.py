# The demo: a small HRNet learns generated people in minutes, on two CPU cores.
# The data: python tools/data/make_synthetic.py data/synthetic
_base_ = ['_base_/runtime.py', '_base_/coco.py']

data_root = 'data/synthetic'
codec = dict(type='MSRAHeatmap', input_size=(96, 128), sigma=1.5)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HRNet', arch='w16_small', init_cfg=dict(type='Kaiming', layer='Conv2d')),
    head=dict(type='HeatmapHead'),
)

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(ann_file='annotations/person_keypoints_train.json', data_prefix=dict(img='train')),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(ann_file='annotations/person_keypoints_val.json', data_prefix=dict(img='val')),
)

# Few epochs, upright people: less is asked of the network than on photographs.
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomScale', spread=0.15),
    dict(type='RandomRotation', degrees=10, prob=0.6),
    dict(type='RandomFlip'),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]

train_cfg = dict(max_epochs=6, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=20))
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=200, by_epoch=False),
    dict(type='MultiStepLR', milestones=[4, 5], gamma=0.1),
]
auto_scale_lr = dict(base_batch_size=16)
