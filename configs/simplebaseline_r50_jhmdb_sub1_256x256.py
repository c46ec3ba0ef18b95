# SimpleBaseline with ResNet-50 on sub-JHMDB at 256x256, split 1 of 3, fine-tuned from MPII's weights as by mmpose.
_base_ = ['hrnet_w32_jhmdb_256x256.py']

load_from = 'simplebaseline_r50_mpii_256x256'
model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=50),
    head=dict(deconv_channels=(256, 256, 256)),
)
