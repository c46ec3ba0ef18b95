# SimpleBaseline with ResNet-152 on MPII at 256x256: the deeper network, all else as with ResNet-50.
_base_ = ['simplebaseline_r50_mpii_256x256.py']

model = dict(backbone=dict(depth=152))
