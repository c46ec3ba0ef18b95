# HRNet-W48 on MPII at 256x256: W32's recipe with the wider network, whose weights mmpose has published.
# To start from ImageNet's weights, see hrnet_w32_mpii_256x256.py; the name here is hrnet_w48_imagenet.
_base_ = ['hrnet_w32_mpii_256x256.py']

model = dict(backbone=dict(arch='w48'))
