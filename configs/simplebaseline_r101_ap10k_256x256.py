# SimpleBaseline with ResNet-101 on AP-10K at 256x256: the deeper network, all else as with ResNet-50.
_base_ = ['simplebaseline_r50_ap10k_256x256.py']

model = dict(backbone=dict(depth=101))
