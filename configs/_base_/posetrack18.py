# PoseTrack18: 17 key points, PoseTrack's AP on single frames of the validation videos, with ground-truth boxes (a
# detector's: val_dataloader.dataset.bbox_file). The release has one file a video; image paths start at its root.
metainfo = 'posetrack18'
data_root = 'data/posetrack18'

train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True),
    dataset=dict(type='PoseTrack18Dataset', ann_file='annotations/train'),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=False, round_up=False),
    dataset=dict(type='PoseTrack18Dataset', ann_file='annotations/val', test_mode=True),
)
val_evaluator = [dict(type='PoseTrack18Metric'), dict(type='CocoMetric')]

# As on COCO.
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomHalfBody', prob=0.3),
    dict(type='RandomScale', spread=0.35),
    dict(type='RandomRotation', degrees=45, prob=0.6),
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
