# HRNet-W32 with UDP on COCO, in mmpose's manner, by the schedule that hrpose calls mmpose's recipe.
_base_ = ['_base_/runtime.py']

train_cfg = dict(max_epochs=210, val_interval=10)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=500, start_factor=0.001, by_epoch=False),
    dict(type='MultiStepLR', begin=0, end=210, milestones=[170, 200], gamma=0.1, by_epoch=True),
]
auto_scale_lr = dict(base_batch_size=512)
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))

codec = dict(type='UDPHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)


def stage(block, modules, units, *channels):
    branches = len(channels)
    blocks = dict(block=block, num_blocks=(units,) * branches, num_channels=channels)
    return dict(num_modules=modules, num_branches=branches, **blocks)


model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='HRNet',
        in_channels=3,
        extra=dict(
            stage1=stage('BOTTLENECK', 1, 4, 64),
            stage2=stage('BASIC', 1, 4, 32, 64),
            stage3=stage('BASIC', 4, 4, 32, 64, 128),
            stage4=stage('BASIC', 3, 4, 32, 64, 128, 256),
        ),
        init_cfg=dict(type='Pretrained', checkpoint='https://example.org/hrnet_w32-36af842e.pth'),
    ),
    head=dict(
        type='HeatmapHead',
        in_channels=32,
        out_channels=17,
        deconv_out_channels=None,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=codec,
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False),
)
del stage

root = 'data/coco/'
warp = dict(type='TopdownAffine', input_size=codec['input_size'], use_udp=True)
train_steps = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform'),
    warp,
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_steps = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), warp, dict(type='PackPoseInputs')]
people = dict(type='CocoDataset', data_root=root, data_mode='topdown')

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        ann_file='annotations/person_keypoints_train2017.json',
        data_prefix=dict(img='train2017/'),
        pipeline=train_steps,
        **people,
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        ann_file='annotations/person_keypoints_val2017.json',
        bbox_file='data/coco/boxes/val.json',
        data_prefix=dict(img='val2017/'),
        test_mode=True,
        pipeline=val_steps,
        **people,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='CocoMetric', ann_file=f'{root}annotations/person_keypoints_val2017.json')
test_evaluator = val_evaluator
