# PoseTrack18: 17 joints, PoseTrack's AP on single frames of the validation videos with ground-truth boxes. Loaders and
# pipelines are COCO's. The release has one annotation file a video; image paths start at its root.
_base_ = ['coco.py']

metainfo = 'posetrack18'
data_root = 'data/posetrack18'

train_dataloader = dict(
    dataset=dict(_delete_=True, type='PoseTrack18Dataset', ann_file='annotations/train'),
)
val_dataloader = dict(
    dataset=dict(_delete_=True, type='PoseTrack18Dataset', ann_file='annotations/val', test_mode=True),
)
val_evaluator = [dict(type='PoseTrack18Metric'), dict(type='CocoMetric')]
