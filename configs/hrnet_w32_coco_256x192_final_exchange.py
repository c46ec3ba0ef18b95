# Ablation (a) of Sun et al. (CVPR 2019), section 3.4: the final exchange unit alone. From scratch, as published there.
_base_ = ['hrnet_w32_coco_256x192.py']

model = dict(backbone=dict(arch='w32_final_exchange'))
