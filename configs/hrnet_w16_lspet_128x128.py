# A small HRNet on Leeds Sports Pose Extended: photographs, 14 joints, PCK relative to the box.
# It shows how a data set with joints of its own is trained on.
_base_ = ['_base_/runtime.py', '_base_/coco.py']

metainfo = 'lsp'
data_root = 'data/lspet'
codec = dict(type='MSRAHeatmap', input_size=(128, 128), sigma=1.5)

# In few epochs PyTorch's initial weights learn faster than the published ones (standard deviation 0.001).
model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HRNet', arch='w16_small', init_cfg=[]),
    head=dict(type='HeatmapHead'),
)

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(ann_file='annotations/lspet_train.json', data_prefix=dict(img='images')),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(ann_file='annotations/lspet_val.json', data_prefix=dict(img='images')),
)
val_evaluator = dict(_delete_=True, type='PCKMetric', thresholds=(0.2, 0.1), normalizer='box')

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomScale', spread=0.35),
    dict(type='RandomRotation', degrees=30, prob=0.6),
    dict(type='RandomShift', factor=0.16, prob=0.3),
    dict(type='RandomFlip'),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]

train_cfg = dict(max_epochs=10, val_interval=5)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=200, by_epoch=False),
    dict(type='MultiStepLR', milestones=[8, 9], gamma=0.1),
]
auto_scale_lr = dict(base_batch_size=16)
