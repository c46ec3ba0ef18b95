# SimpleBaseline with ResNet-50 on COCO-WholeBody at 256x192, by mmpose's recipe.
_base_ = ['hrnet_w32_wholebody_256x192.py']

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=50),
    head=dict(deconv_channels=(256, 256, 256)),
)
