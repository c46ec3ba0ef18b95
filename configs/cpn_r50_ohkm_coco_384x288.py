# CPN with ResNet-50 on COCO at 384x288: a larger input, and targets wider in proportion.
_base_ = ['cpn_r50_ohkm_coco_256x192.py']

codec = dict(input_size=(288, 384), sigma=2.1)
