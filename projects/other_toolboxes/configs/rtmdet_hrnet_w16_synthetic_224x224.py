# HRNet as the backbone of an mmdet detector. FPN takes its branches at 1/8, 1/16 and 1/32.
# Make the data first: python tools/data/make_synthetic.py data/synthetic
_base_ = ['hrpose::detection/rtmdet_nano_synthetic_224x224.py']

model = dict(
    backbone=dict(_delete_=True, type='hrpose.HRNet', arch='w16_small', num_outputs=4, init_cfg=[]),
    neck=dict(_delete_=True, type='FPN', in_channels=[16, 32, 64, 128], start_level=1, out_channels=64, num_outs=3),
)
