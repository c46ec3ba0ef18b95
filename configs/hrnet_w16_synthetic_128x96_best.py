# The demo: the small HRNet learns generated people as well as it can in minutes on two CPU cores. What each change from
# hrnet_w16_synthetic_128x96.py is worth stands in docs/training.md.
# Make the data first: python tools/data/make_synthetic.py data/synthetic
_base_ = ['hrnet_w16_synthetic_128x96.py']

codec = dict(_delete_=True, type='UDPHeatmap', input_size=(96, 128), sigma=1.25)

# The crop shows people larger than at the published padding of 1.25, and the augmentation is next to nothing, because
# there are few epochs and the boxes are true ones. With a detector's boxes take the plain config's padding and steps.
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

# Small batches, for more steps in the same time. The learning rate falls to nothing by half a cosine. Another length
# needs all three numbers of epochs.
train_dataloader = dict(batch_size=8)
train_cfg = dict(max_epochs=6, val_interval=3)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='MuonAdamW', lr=2e-3, weight_decay=0.01))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=6, eta_min=1e-6, end=6, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=8)
