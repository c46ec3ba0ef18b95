# SimpleBaseline with ResNet-18 on joints of its own, in mmpose's manner, with parts that hrpose does not have.
_base_ = ['hrnet_udp.py']

codec = dict(_delete_=True, type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5, unbiased=True)
joints = dict(from_file='metainfo/hand.py')
steps = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.1),
    dict(type='RandomBBoxTransform', shift_prob=0, scale_factor=(0.8, 1.2), rotate_factor=30),
    dict(type='Albumentation', transforms=[dict(type='Blur', p=0.1)]),
    dict(type='TopdownAffine', input_size=(96, 128)),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_steps = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.1),
    dict(type='TopdownAffine', input_size=(96, 128)),
    dict(type='PackPoseInputs'),
]
model = dict(
    data_preprocessor=dict(bgr_to_rgb=False),
    backbone=dict(_delete_=True, type='ResNet', depth=18, frozen_stages=1, norm_cfg=dict(type='SyncBN')),
    head=dict(in_channels=512, out_channels=4, deconv_out_channels=(64, 64, 64), decoder=codec),
    test_cfg=dict(flip_test=True, shift_heatmap=False),
)
train_dataloader = dict(
    num_workers=8,
    dataset=dict(data_root='data/hand/', ann_file='train.json', metainfo=joints, pipeline=steps),
)
val_dataloader = dict(
    dataset=dict(
        data_root='data/hand/',
        ann_file='val.json',
        bbox_file='/boxes/val.json',
        metainfo=joints,
        filter_cfg=dict(bbox_score_thr=0.3),
        pipeline=test_steps,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='CocoMetric', ann_file='data/hand/val.json', nms_mode='none'),
    dict(type='PCKAccuracy', thr=0.2),
]
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=40)
optim_wrapper = dict(
    _delete_=True, optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01), clip_grad=dict(max_norm=1)
)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=40)]
load_from = 'https://example.org/td-hm_res50_8xb64-210e_coco-256x192-04af38ce_20220923.pth'
