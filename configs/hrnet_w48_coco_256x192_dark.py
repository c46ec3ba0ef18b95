# HRNet-W48 on COCO at 256x192 with DARK (Zhang et al., CVPR 2020), by mmpose 1.x's recipe. Published AP .764 (mmpose
# 1.x's table, on a detector's boxes) by weights that started from ImageNet's.
_base_ = ['hrnet_w32_coco_256x192_dark.py']

model = dict(backbone=dict(arch='w48'))

train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=256)
