# mmpose's hourglass52 with one stack on COCO at 256x256, by mmpose's recipe and with its batch of 32. It is another
# network than Newell's: five levels, 94 million parameters a stack. mmpose's weights of this name load unchanged.
_base_ = ['_base_/recipe_mmpose.py']

codec = dict(type='MSRAHeatmap', input_size=(256, 256), sigma=2)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='Hourglass52', num_stacks=1),
    head=dict(type='StackedHeatmapHead'),
    flip_test=True,
)

train_dataloader = dict(batch_size=32)
