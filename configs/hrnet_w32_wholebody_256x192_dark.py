# HRNet-W32 on COCO-WholeBody at 256x192 with DARK.
_base_ = ['hrnet_w32_wholebody_256x192.py']

codec = dict(type='DarkHeatmap')
