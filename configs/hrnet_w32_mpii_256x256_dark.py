# HRNet-W32 on MPII at 256x256 with DARK, trained by the official recipe; mmpose has weights of it by its own.
_base_ = ['hrnet_w32_mpii_256x256.py']

codec = dict(type='DarkHeatmap')
