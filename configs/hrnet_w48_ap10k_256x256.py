# HRNet-W48 on AP-10K at 256x256: the wider network, all else as for W32.
_base_ = ['hrnet_w32_ap10k_256x256.py']

model = dict(backbone=dict(arch='w48'))
