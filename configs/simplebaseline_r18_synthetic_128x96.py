# SimpleBaseline with ResNet-18 on the demo's generated people, for small machines.
# Data and schedule are those of hrnet_w16_synthetic_128x96.py.
_base_ = ['hrnet_w16_synthetic_128x96.py']

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18),
    head=dict(deconv_channels=(256, 256, 256)),
)
