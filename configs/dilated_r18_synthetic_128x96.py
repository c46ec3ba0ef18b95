# Dilated ResNet-18 on the demo's generated people: stages 4 and 5 keep the grid of 1/8, as in
# dilated_r50_coco_256x192.py; all else as the demo's HRNet.
_base_ = ['hrnet_w16_synthetic_128x96.py']

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
    head=dict(deconv_channels=(256,)),
)
