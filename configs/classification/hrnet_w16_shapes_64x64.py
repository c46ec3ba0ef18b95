# A small HRNet learns four drawn shapes in minutes on two CPU cores, to try classification.
# Make the data first: python tools/data/make_shapes.py data/shapes
_base_ = ['../_base_/imagenet.py']
data_root = 'data/shapes'

model = dict(backbone=dict(arch='w16_small'), num_classes=4)

train_steps = [
    dict(type='LoadImage'),
    dict(type='RandomResizedCrop', size=64, scale=(0.6, 1.0)),
    dict(type='PackImage'),
]
test_steps = [
    dict(type='LoadImage'),
    dict(type='ResizeCenterCrop', shorter=64, size=64),
    dict(type='PackImage'),
]
train_dataloader = dict(num_workers=2, dataset=dict(pipeline=train_steps))
val_dataloader = dict(num_workers=2, dataset=dict(pipeline=test_steps))
val_evaluator = dict(topk=(1,))

train_cfg = dict(max_epochs=10, val_interval=5)
optim_wrapper = dict(optimizer=dict(lr=0.02))
param_scheduler = [dict(type='MultiStepLR', milestones=[7, 9], gamma=0.1)]
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=20))
