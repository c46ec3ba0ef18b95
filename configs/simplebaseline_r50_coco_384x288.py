# SimpleBaseline with ResNet-50 on COCO at 384x288: a larger input and a wider Gaussian.
_base_ = ['simplebaseline_r50_coco_256x192.py']

codec = dict(input_size=(288, 384), sigma=3)
