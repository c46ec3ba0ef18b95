# SimpleBaseline with ResNet-18 on Leeds Sports Pose Extended, for small machines.
# Data and schedule are those of hrnet_w16_lspet_128x128.py.
_base_ = ['hrnet_w16_lspet_128x128.py']

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18),
    head=dict(deconv_channels=(256, 256, 256)),
)
