# HRNet-W48 on MPII at 256x256: W32's recipe with the wider network, whose weights mmpose has published.
# From ImageNet's weights instead of from scratch: as there, with hrnet_w48_imagenet.
_base_ = ['hrnet_w32_mpii_256x256.py']

model = dict(backbone=dict(arch='w48'))
