# The small HRNet on Leeds Sports Pose Extended, trained for the highest PCK in few minutes on two CPU cores. What each
# change from hrnet_w16_lspet_128x128.py is worth stands in docs/training.md.
_base_ = ['hrnet_w16_lspet_128x128.py']

codec = dict(_delete_=True, type='UDPHeatmap', input_size=(128, 128), sigma=1.5)
model = dict(head=dict(loss=dict(type='KeypointCrossEntropyLoss')))

# The annotated boxes have a margin around the joints already, so a padding of 1.1 in place of the published 1.25 shows
# people larger. Augmentation is next to nothing, because there are few epochs, and the boxes to be judged are annotated
# ones, too. With a detector's boxes take the plain config's padding and steps.
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox', padding=1.1),
    dict(type='RandomScale', spread=0.1),
    dict(type='RandomFlip'),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox', padding=1.1),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]

# The learning rate falls to nothing by half a cosine. Another length needs all three numbers of epochs.
train_cfg = dict(max_epochs=16, val_interval=16)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='MuonAdamW', lr=3e-3, weight_decay=0.01))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=16, eta_min=1e-6, end=16, convert_to_iter_based=True),
]
