# HRNet-W48 on COCO at 384x288 with DARK (Zhang et al., CVPR 2020), by mmpose 1.x's recipe. Published AP .772 (mmpose
# 1.x's table, on a detector's boxes) by weights that started from ImageNet's.
_base_ = ['hrnet_w32_coco_384x288_dark.py']

model = dict(backbone=dict(arch='w48'))

train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=256)
