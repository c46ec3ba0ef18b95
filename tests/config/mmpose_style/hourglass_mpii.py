# mmpose's hourglass52 with two stacks on MPII, in mmpose's manner.
_base_ = ['hrnet_udp.py']

codec = dict(_delete_=True, type='MSRAHeatmap', input_size=(256, 256), heatmap_size=(64, 64), sigma=2)
loss = dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)
model = dict(
    backbone=dict(_delete_=True, type='HourglassNet', num_stacks=2),
    head=dict(
        _delete_=True,
        type='CPMHead',
        in_channels=256,
        out_channels=16,
        num_stages=2,
        deconv_out_channels=None,
        loss=[loss, loss],
        decoder=codec,
    ),
    test_cfg=dict(shift_heatmap=True),
)
steps = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]
people = dict(
    _delete_=True, type='MpiiDataset', data_root='data/mpii/', data_prefix=dict(img='images/'), pipeline=steps
)
train_dataloader = dict(dataset=dict(ann_file='annotations/mpii_train.json', **people))
heads = 'data/mpii/annotations/mpii_gt_val.mat'
val_dataloader = dict(
    dataset=dict(ann_file='annotations/mpii_val.json', headbox_file=heads, test_mode=True, **people),
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='MpiiPCKAccuracy')
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(save_best='PCK'))
