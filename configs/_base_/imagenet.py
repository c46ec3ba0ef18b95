# ImageNet classification by the official recipe (HRNet-Image-Classification): 100 epochs of SGD, a tenth of the rate
# from epochs 30, 60 and 90. `train` and `val` in `data_root` hold a folder of images for each class.
_base_ = ['runtime.py']
data_root = 'data/imagenet'

model = dict(
    type='ImageClassifier',
    backbone=dict(type='HRNet', num_outputs=4, init_cfg=dict(type='Kaiming', layer='Conv2d')),
    neck=dict(type='HRNetClassificationNeck', init_cfg=dict(type='Kaiming', layer='Conv2d')),
    num_classes=1000,
)

train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True),
    dataset=dict(
        type='ImageFolder',
        data_prefix=dict(img='train'),
        pipeline=[dict(type='LoadImage'), dict(type='RandomResizedCrop', size=224), dict(type='PackImage')],
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='ImageFolder',
        data_prefix=dict(img='val'),
        test_mode=True,
        pipeline=[dict(type='LoadImage'), dict(type='ResizeCenterCrop', shorter=256, size=224), dict(type='PackImage')],
    ),
)
val_evaluator = dict(type='AccuracyMetric')

train_cfg = dict(max_epochs=100, val_interval=1)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4, fused=True))
param_scheduler = [dict(type='MultiStepLR', milestones=[30, 60, 90], gamma=0.1)]
auto_scale_lr = dict(base_batch_size=128)  # 4 GPUs x 32; --auto-scale-lr adapts the rate to yours
visualizer = dict(
    _delete_=True,
    type='Visualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')],
)
