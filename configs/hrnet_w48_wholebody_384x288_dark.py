# HRNet-W48 on COCO-WholeBody at 384x288 with DARK. mmpose blurs as at 256x192.
_base_ = ['hrnet_w48_wholebody_384x288.py']

codec = dict(type='DarkHeatmap', blur_kernel_size=11)
