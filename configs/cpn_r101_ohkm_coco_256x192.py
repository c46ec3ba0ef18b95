# CPN with ResNet-101 on COCO at 256x192: the deeper network, all else as for ResNet-50.
_base_ = ['cpn_r50_ohkm_coco_256x192.py']

model = dict(backbone=dict(depth=101))
