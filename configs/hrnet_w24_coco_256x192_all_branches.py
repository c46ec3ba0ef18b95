# Ablation of Sun et al. (CVPR 2019), section 3.4: all four branches from the start, at W32's depth and similar cost.
# The paper does not give the widths; see hrpose/models/backbones/hrnet.py. From scratch, as published there.
_base_ = ['hrnet_w32_coco_256x192.py']

model = dict(backbone=dict(arch='w24_all_branches'))
