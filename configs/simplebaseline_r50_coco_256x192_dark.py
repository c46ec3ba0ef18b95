# SimpleBaseline with ResNet-50 on COCO at 256x192 with DARK, by mmpose 1.x's recipe.
_base_ = ['hrnet_w32_coco_256x192_dark.py']

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=50),
    head=dict(deconv_channels=(256, 256, 256)),
)
