# Newell's Hourglass (ECCV 2016) with 8 stacks on MPII at 256x256, each stack with a loss of its own.
# The network equals the authors' PyTorch release. Augmentation, targets and schedule are HRNet's on MPII, to compare
# them; the paper's own recipe is another one.
_base_ = ['_base_/recipe_official.py', '_base_/mpii.py']

codec = dict(type='MSRAHeatmap', input_size=(256, 256), sigma=2)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HourglassStem'),
    head=dict(type='StackedHourglassHead', num_stacks=8, loss=dict(type='KeypointMSELoss', factor=1)),
    flip_test=True,
)
