# HRNet-W32 on COCO at 384x288 with UDP (Huang et al., CVPR 2020), by mmpose 1.x's recipe. Published AP .768 (mmpose
# 1.x's table, on a detector's boxes) by weights that started from ImageNet's.
_base_ = ['hrnet_w32_coco_256x192_udp.py']

codec = dict(input_size=(288, 384), sigma=3)
