# HRNet-W48 on COCO at 384x288, trained as well as is known: see _base_/recipe_best.py. Starts from scratch.
# Expected, not measured: more than UDP's published AP of .773. The gain of the recipe is published at 256x192 only.
_base_ = ['hrnet_w32_coco_384x288_best.py']

model = dict(backbone=dict(arch='w48'))

train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=256)
