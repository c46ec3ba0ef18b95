# mmpose's hourglass52 with one stack on COCO at 384x384: a larger input and a wider Gaussian.
_base_ = ['hourglass52_coco_256x256.py']

codec = dict(input_size=(384, 384), sigma=3)
