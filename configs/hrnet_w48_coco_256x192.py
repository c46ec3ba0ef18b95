# HRNet-W48 on COCO at 256x192, as published: the wider network, everything else as for W32.
# From ImageNet's weights instead of from scratch: as there, with hrnet_w48_imagenet.
_base_ = ['hrnet_w32_coco_256x192.py']

model = dict(backbone=dict(arch='w48'))
