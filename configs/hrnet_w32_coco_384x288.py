# HRNet-W32 on COCO at 384x288, as published: a larger input and a wider Gaussian.
_base_ = ['hrnet_w32_coco_256x192.py']

codec = dict(input_size=(288, 384), sigma=3)
