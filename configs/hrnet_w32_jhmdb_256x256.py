# HRNet-W32 on sub-JHMDB at 256x256: 15 joints, PCK in units of the box and of the torso. It is fine-tuned from MPII's
# weights as mmpose does with ResNet-50: 20 epochs, a tenth of the rate from epoch 8 and again from 15. This is split 1
# of 3; for split 2:
#   --cfg-options train_dataloader.dataset.ann_file=annotations/Sub2_train.json \
#     val_dataloader.dataset.ann_file=annotations/Sub2_test.json
_base_ = ['hrnet_w32_coco_256x192_mmpose_recipe.py']

codec = dict(input_size=(256, 256))
metainfo = 'jhmdb'
data_root = 'data/jhmdb'

load_from = 'hrnet_w32_mpii_256x256'
train_cfg = dict(max_epochs=20, val_interval=1)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=500, by_epoch=False),
    dict(type='MultiStepLR', milestones=[8, 15], gamma=0.1),
]
default_hooks = dict(checkpoint=dict(interval=1))

train_dataloader = dict(
    dataset=dict(type='JhmdbDataset', ann_file='annotations/Sub1_train.json', data_prefix=dict(img=''))
)
val_dataloader = dict(
    dataset=dict(type='JhmdbDataset', ann_file='annotations/Sub1_test.json', data_prefix=dict(img=''))
)
val_evaluator = dict(_delete_=True, type='JhmdbMetric')

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomFlip'),
    dict(type='TruncatedShift', factor=0.16, prob=0.3),
    dict(type='TruncatedScale', low=0.75, high=1.25),
    dict(type='TruncatedRotation', degrees=60, prob=0.6),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]
