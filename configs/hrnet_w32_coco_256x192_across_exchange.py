# Ablation (b) of Sun et al. (CVPR 2019), section 3.4: three exchange units, across stages. (c) is the published
# network, which has five more within its stages. From scratch, as published there.
_base_ = ['hrnet_w32_coco_256x192.py']

model = dict(backbone=dict(arch='w32_across_exchange'))
