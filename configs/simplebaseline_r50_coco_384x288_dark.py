# SimpleBaseline with ResNet-50 on COCO at 384x288 with DARK: a larger input and a wider Gaussian, and
# mmpose's blur, narrower than its own for ResNet-152.
_base_ = ['simplebaseline_r50_coco_256x192_dark.py']

codec = dict(input_size=(288, 384), sigma=3, blur_kernel_size=11)
