# SimpleBaseline with ResNet-152 on COCO at 384x288: the deeper network, all else as with ResNet-50.
_base_ = ['simplebaseline_r50_coco_384x288.py']

model = dict(backbone=dict(depth=152))
