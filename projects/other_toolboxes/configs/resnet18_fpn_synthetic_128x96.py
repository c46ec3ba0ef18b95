# mmdet's ResNet and FPN in a pose config. The head takes the finest of FPN's maps, a quarter of the input.
# Make the data first: python tools/data/make_synthetic.py data/synthetic
_base_ = ['hrpose::hrnet_w16_synthetic_128x96.py']

model = dict(
    backbone=dict(_delete_=True, type='mmdet.ResNet', depth=18, norm_eval=False),
    neck=dict(type='mmdet.FPN', in_channels=[64, 128, 256, 512], out_channels=64, num_outs=4),
)
