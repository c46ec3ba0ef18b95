# SimpleBaseline with ResNet-152 on COCO at 384x288 with DARK: a larger input and a wider Gaussian.
_base_ = ['simplebaseline_r152_coco_256x192_dark.py']

codec = dict(input_size=(288, 384), sigma=3)
