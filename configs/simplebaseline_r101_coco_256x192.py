# SimpleBaseline with ResNet-101 on COCO at 256x192: the deeper network, all else as with ResNet-50.
_base_ = ['simplebaseline_r50_coco_256x192.py']

model = dict(backbone=dict(depth=101))
