# SimpleBaseline with ResNet-50 on AP-10K at 256x256, by mmpose's recipe.
_base_ = ['hrnet_w32_ap10k_256x256.py']

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=50),
    head=dict(deconv_channels=(256, 256, 256)),
)
