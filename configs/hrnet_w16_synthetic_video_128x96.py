# The small HRNet on generated videos with PoseTrack18's joints, for tracking without a download. As published for
# PoseTrack, it starts from the network that learned single images:
# --cfg-options load_from=work_dirs/hrnet_w16_synthetic_128x96/epoch_8.pth
# Make the data first: python tools/data/make_synthetic.py data/synthetic_video --video
_base_ = ['hrnet_w16_synthetic_128x96.py']

metainfo = 'posetrack18'
data_root = 'data/synthetic_video'

train_dataloader = dict(
    dataset=dict(_delete_=True, type='PoseTrack18Dataset', ann_file='annotations/train'),
)
val_dataloader = dict(
    dataset=dict(_delete_=True, type='PoseTrack18Dataset', ann_file='annotations/val', test_mode=True),
)
val_evaluator = [dict(type='PoseTrack18Metric'), dict(type='CocoMetric')]

train_cfg = dict(max_epochs=4, val_interval=2)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=50, by_epoch=False),
    dict(type='LinearLR', start_factor=1, end_factor=0.01, begin=1, end=4, convert_to_iter_based=True),
]
