# SimpleBaseline with ResNet-50 on MPII at 256x256, augmented as HRNet there (its yaml as remembered, not read again).
# For ImageNet's weights and BGR images, see simplebaseline_r50_coco_256x192.py.
_base_ = ['_base_/recipe_simplebaseline.py', '_base_/mpii.py']

codec = dict(type='MSRAHeatmap', input_size=(256, 256), sigma=2)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='ResNet', depth=50),
    head=dict(type='HeatmapHead', deconv_channels=(256, 256, 256)),
    flip_test=True,
)
