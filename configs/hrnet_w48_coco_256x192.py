# HRNet-W48 on COCO at 256x192, as published: the wider network, all else as for W32.
# To start from ImageNet's weights, see hrnet_w32_coco_256x192.py; the name here is hrnet_w48_imagenet.
_base_ = ['hrnet_w32_coco_256x192.py']

model = dict(backbone=dict(arch='w48'))
