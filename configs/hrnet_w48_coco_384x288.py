# HRNet-W48 on COCO at 384x288, as published: the best row of the paper's table, with batch 4 x 24 at the same rate.
# To start from ImageNet's weights, see hrnet_w32_coco_256x192.py; the name here is hrnet_w48_imagenet.
_base_ = ['hrnet_w32_coco_384x288.py']

model = dict(backbone=dict(arch='w48'))

train_dataloader = dict(batch_size=24)
auto_scale_lr = dict(base_batch_size=96)
