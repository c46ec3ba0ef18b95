# HRNet-W48 on COCO at 384x288, as published: the best of the paper's rows, in batches of 4 x 24 at the same rate.
# From ImageNet's weights instead of from scratch: as for W32, with hrnet_w48_imagenet.
_base_ = ['hrnet_w32_coco_384x288.py']

model = dict(backbone=dict(arch='w48'))

train_dataloader = dict(batch_size=24)
auto_scale_lr = dict(base_batch_size=96)
