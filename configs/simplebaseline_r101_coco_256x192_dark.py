# SimpleBaseline with ResNet-101 on COCO at 256x192 with DARK: the deeper network, all else as with ResNet-50.
_base_ = ['simplebaseline_r50_coco_256x192_dark.py']

model = dict(backbone=dict(depth=101))
