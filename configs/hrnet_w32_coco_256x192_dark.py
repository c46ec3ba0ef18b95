# HRNet-W32 on COCO at 256x192 with DARK (Zhang et al., CVPR 2020), by mmpose 1.x's recipe. Published AP .757 (mmpose
# 1.x's table, on a detector's boxes) by weights that started from ImageNet's.
_base_ = ['hrnet_w32_coco_256x192_mmpose_recipe.py']

codec = dict(type='DarkHeatmap')
