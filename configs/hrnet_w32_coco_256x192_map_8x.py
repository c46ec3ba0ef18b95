# Ablation of Sun et al. (CVPR 2019), section 3.4: heatmaps from HRNet-W32's branch of 1/32, 8x in the paper's count.
_base_ = ['hrnet_w32_coco_256x192_map_2x.py']

codec = dict(heatmap_size=(6, 8))
model = dict(head=dict(map_index=3))
