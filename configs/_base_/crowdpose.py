# CrowdPose: 14 joints, AP by crowding level on the test split, with ground-truth boxes (a detector's:
# val_dataloader.dataset.bbox_file). As its authors do, training takes the train and the val split together.
metainfo = 'crowdpose'
data_root = 'data/crowdpose'

train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True),
    dataset=dict(
        type='CrowdPoseDataset',
        ann_file='annotations/crowdpose_trainval.json',
        data_prefix=dict(img='images'),
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='CrowdPoseDataset',
        ann_file='annotations/crowdpose_test.json',
        data_prefix=dict(img='images'),
        test_mode=True,
    ),
)
val_evaluator = dict(type='CrowdPoseMetric')

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
