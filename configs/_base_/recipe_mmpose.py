# mmpose 1.x's recipe on COCO, to compare with; a config inherits it in place of recipe_official.py and coco.py.
# mmpose also validates on a detector's boxes: --cfg-options val_dataloader.dataset.bbox_file=/path/to/detections.json
_base_ = ['recipe_official.py', 'coco.py']

# 8 GPUs x 64 for W32; mmpose trained W48 on 8 x 32 at the same rate.
train_dataloader = dict(batch_size=64)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=500, by_epoch=False),
    dict(type='MultiStepLR', milestones=[170, 200], gamma=0.1),
]
auto_scale_lr = dict(base_batch_size=512)

model = dict(head=dict(loss=dict(type='KeypointMSELoss', factor=1)))

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomFlip'),
    dict(type='RandomHalfBody', prob=0.3, upper_prob=0.7),
    dict(type='TruncatedShift', factor=0.16, prob=0.3),
    dict(type='TruncatedScale', low=0.5, high=1.5),
    dict(type='TruncatedRotation', degrees=80, prob=0.6),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]
