# MPII: 16 joints, PCKh on the validation split of the official release (annot/ and its gt_valid.mat are from there).
metainfo = 'mpii'
data_root = 'data/mpii'

train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True),
    dataset=dict(type='MpiiDataset', ann_file='annot/train.json', data_prefix=dict(img='images')),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=False, round_up=False),
    dataset=dict(type='MpiiDataset', ann_file='annot/valid.json', data_prefix=dict(img='images'), test_mode=True),
)
val_evaluator = dict(type='MpiiMetric')  # its gt_file: annot/gt_valid.mat, beside annot/valid.json

# Milder than on COCO, and no half bodies.
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomScale', spread=0.25),
    dict(type='RandomRotation', degrees=30, prob=0.6),
    dict(type='RandomFlip'),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]
