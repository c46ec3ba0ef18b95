# Small RTMDet (Lyu et al., 2022) learns to detect generated people in minutes on two CPU cores. All of it is mmdet's.
# Make the data first: python tools/data/make_synthetic.py data/synthetic
_base_ = ['../_base_/runtime.py']
default_scope = 'mmdet'

data_root = 'data/synthetic'
input_size = (224, 224)  # (w, h)
persons = dict(classes=('person',))
norm, activation = dict(type='BN'), dict(type='SiLU', inplace=True)

# RTMDet-tiny with two thirds of its channels, one block a stage, and no initial weights.
model = dict(
    type='RTMDet',
    data_preprocessor=dict(type='DetDataPreprocessor', mean=[103.53, 116.28, 123.675], std=[57.375, 57.12, 58.395]),
    backbone=dict(type='CSPNeXt', deepen_factor=0.167, widen_factor=0.25, norm_cfg=norm, act_cfg=activation),
    neck=dict(
        type='CSPNeXtPAFPN',
        in_channels=[64, 128, 256],
        out_channels=64,
        num_csp_blocks=1,
        expand_ratio=0.5,
        norm_cfg=norm,
        act_cfg=activation,
    ),
    bbox_head=dict(
        type='RTMDetSepBNHead',
        num_classes=1,
        in_channels=64,
        feat_channels=64,
        stacked_convs=2,
        exp_on_reg=False,
        anchor_generator=dict(type='MlvlPointGenerator', offset=0, strides=[8, 16, 32]),
        bbox_coder=dict(type='DistancePointBBoxCoder'),
        loss_cls=dict(type='QualityFocalLoss', use_sigmoid=True, beta=2.0, loss_weight=1.0),
        loss_bbox=dict(type='GIoULoss', loss_weight=2.0),
        with_objectness=False,
        norm_cfg=norm,
        act_cfg=activation,
    ),
    train_cfg=dict(assigner=dict(type='DynamicSoftLabelAssigner', topk=13), allowed_border=-1, pos_weight=-1),
    test_cfg=dict(
        nms_pre=1000, min_bbox_size=0, score_thr=0.01, nms=dict(type='nms', iou_threshold=0.7), max_per_img=100
    ),
)

grey = dict(img=(114, 114, 114))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=input_size, keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Pad', size=input_size, pad_val=grey),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=input_size, keep_ratio=True),
    dict(type='Pad', size=input_size, pad_val=grey),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CocoDataset',
        ann_file='annotations/person_keypoints_train.json',
        data_prefix=dict(img='train'),
        metainfo=persons,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset',
        ann_file='annotations/person_keypoints_val.json',
        data_prefix=dict(img='val'),
        metainfo=persons,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='CocoMetric', metric='bbox', ann_file='{ann_file}')
test_dataloader, test_evaluator = val_dataloader, val_evaluator

train_cfg = dict(max_epochs=12, val_interval=6)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1.5e-3, weight_decay=0.05))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=1e-5, begin=2, end=12, T_max=10, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=8)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=20))
visualizer = dict(
    _delete_=True,
    type='DetLocalVisualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')],
)
