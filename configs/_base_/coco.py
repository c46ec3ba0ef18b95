# COCO keypoints: trains on train2017, validates on val2017 with ground-truth boxes. A detector's boxes instead:
#   --cfg-options val_dataloader.dataset.bbox_file=/path/to/detections.json
# Configs of other data sets inherit from this one.
data_root = 'data/coco'

train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True),
    dataset=dict(
        type='CocoDataset',
        ann_file='annotations/person_keypoints_train2017.json',
        data_prefix=dict(img='train2017'),
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='CocoDataset',
        ann_file='annotations/person_keypoints_val2017.json',
        data_prefix=dict(img='val2017'),
        test_mode=True,
    ),
)
val_evaluator = dict(type='CocoMetric')

# The steps before WarpAffine change the geometry only; WarpAffine then moves the pixels, once.
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
