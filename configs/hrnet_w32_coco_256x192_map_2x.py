# Ablation of Sun et al. (CVPR 2019), section 3.4: heatmaps from HRNet-W32's branch of 1/8, 2x in the paper's count.
# The paper trains one network with four outputs from ImageNet's weights, without saying how they share the loss; here
# each resolution is a training of its own, with a Gaussian as wide in cells as usual.
_base_ = ['hrnet_w32_coco_256x192.py']

codec = dict(heatmap_size=(24, 32))
model = dict(backbone=dict(num_outputs=4), head=dict(map_index=1))
find_unused_parameters = True  # those of the other resolutions' last exchange
