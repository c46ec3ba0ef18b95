# Newell's Hourglass (ECCV 2016) with 8 stacks on COCO at 256x256, trained by HRNet's recipe on COCO.
# The 66.9 AP that HRNet's paper reports is at 256x192: --cfg-options codec.input_size="(192,256)"
_base_ = ['_base_/recipe_official.py', '_base_/coco.py']

codec = dict(type='MSRAHeatmap', input_size=(256, 256), sigma=2)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HourglassStem'),
    head=dict(type='StackedHourglassHead', num_stacks=8, loss=dict(type='KeypointMSELoss', factor=1)),
    flip_test=True,
)
