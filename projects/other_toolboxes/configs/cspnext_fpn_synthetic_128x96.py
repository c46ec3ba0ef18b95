# mmdet's CSPNeXt (RTMDet's backbone, a quarter as wide) in a pose config. FPN joins its stages at 1/4 to 1/32.
# Make the data first: python tools/data/make_synthetic.py data/synthetic
_base_ = ['hrpose::hrnet_w16_synthetic_128x96.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmdet.CSPNeXt',
        deepen_factor=0.33,
        widen_factor=0.25,
        out_indices=(1, 2, 3, 4),
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='SiLU'),
    ),
    neck=dict(type='mmdet.FPN', in_channels=[32, 64, 128, 256], out_channels=64, num_outs=4),
)
