# SimpleBaseline with ResNet-101 on AI Challenger at 256x192, by mmpose's recipe.
_base_ = ['hrnet_w32_aic_256x192.py']

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=101),
    head=dict(deconv_channels=(256, 256, 256)),
)
