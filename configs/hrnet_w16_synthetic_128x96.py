# A small HRNet learns generated people in minutes on two CPU cores, with a published recipe in small.
# Make the data first: python tools/data/make_synthetic.py data/synthetic
_base_ = ['_base_/runtime.py', '_base_/coco.py']

data_root = 'data/synthetic'
codec = dict(type='MSRAHeatmap', input_size=(96, 128), sigma=1.5)

# In few epochs PyTorch's initial weights learn faster than the published ones (standard deviation 0.001).
model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HRNet', arch='w16_small', init_cfg=[]),
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

# Mild, because there are few epochs. Scale and shift are as large as the errors of a detector's boxes.
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomShift', factor=0.03, prob=0.5),
    dict(type='RandomScale', spread=0.15),
    dict(type='RandomFlip'),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]

train_cfg = dict(max_epochs=8, val_interval=3)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=20))
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=100, by_epoch=False),
    dict(type='LinearLR', start_factor=1, end_factor=0.01, begin=6, end=8, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=32)
