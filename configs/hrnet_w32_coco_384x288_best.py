# HRNet-W32 on COCO at 384x288, trained as well as is known: see _base_/recipe_best.py. Starts from scratch.
# Expected, not measured: more than UDP's published AP of .768. The gain of the recipe is published at 256x192 only.
_base_ = ['hrnet_w32_coco_256x192_best.py']

codec = dict(input_size=(288, 384), sigma=3)
