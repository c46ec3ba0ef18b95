# Dilated ResNet-50 on COCO at 256x192, as in figure 2 (d) of Sun et al. (CVPR 2019): stages 4 and 5 keep the grid of
# 1/8, with dilations 2 and 4, and one transposed convolution leads to 1/4. The figure prints neither the dilations nor
# the recipe, and no metric is published; the recipe is SimpleBaseline's.
_base_ = ['simplebaseline_r50_coco_256x192.py']

model = dict(
    backbone=dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
    head=dict(deconv_channels=(256,)),
)
