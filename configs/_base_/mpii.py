# MPII: 16 joints, PCKh on the validation split of the official release, whose folder annot/ has gt_valid.mat, too.
_base_ = ['coco.py']

metainfo = 'mpii'
data_root = 'data/mpii'

train_dataloader = dict(
    dataset=dict(type='MpiiDataset', ann_file='annot/train.json', data_prefix=dict(img='images')),
)
val_dataloader = dict(
    dataset=dict(type='MpiiDataset', ann_file='annot/valid.json', data_prefix=dict(img='images')),
)
val_evaluator = dict(type='MpiiMetric')

# Milder than on COCO, and without half bodies.
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomScale', spread=0.25),
    dict(type='RandomRotation', degrees=30, prob=0.6),
    dict(type='RandomFlip'),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]
