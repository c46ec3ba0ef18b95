# Ablation of Sun et al. (CVPR 2019), section 3.4: heatmaps from HRNet-W32's branch of 1/16, 4x in the paper's count.
_base_ = ['hrnet_w32_coco_256x192_map_2x.py']

codec = dict(heatmap_size=(12, 16))
model = dict(head=dict(map_index=2))
