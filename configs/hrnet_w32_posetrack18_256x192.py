# HRNet-W32 on PoseTrack18 at 256x192, fine-tuned from COCO's weights as Sun et al. (CVPR 2019) and Xiao et al. (Simple
# Baselines, ECCV 2018) did on PoseTrack: 20 epochs of Adam at 1e-4, a tenth of it from epoch 10 and again from 15,
# augmentation and batch (4 x 32) as on COCO. mmpose also fine-tunes for 20 epochs, with its own rate and augmentation.
# Both data sets have 17 joints, so the last layer starts from COCO's weights, too. PoseTrack has the head's bottom and
# top where COCO has the eyes.
_base_ = ['_base_/recipe_official.py', '_base_/posetrack18.py']

codec = dict(type='MSRAHeatmap', input_size=(192, 256), sigma=2)

model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HRNet', arch='w32'),
    head=dict(type='HeatmapHead'),
    flip_test=True,
)

load_from = 'hrnet_w32_coco_256x192'
train_cfg = dict(max_epochs=20, val_interval=1)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[10, 15], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval=1))
