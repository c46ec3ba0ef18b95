# SimpleBaseline with ResNet-101 on COCO-WholeBody at 384x288: a larger input and a wider Gaussian.
_base_ = ['simplebaseline_r101_wholebody_256x192.py']

codec = dict(input_size=(288, 384), sigma=3)
