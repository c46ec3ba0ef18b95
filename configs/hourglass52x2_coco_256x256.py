# mmpose's hourglass52 with two stacks on COCO at 256x256, each with a loss of its own; all else as with one.
_base_ = ['hourglass52_coco_256x256.py']

model = dict(backbone=dict(num_stacks=2))
