# hrnet_w16_lspet_128x128_best.py for 40 minutes of a CPU core: time to learn people turned, scaled and recoloured.
_base_ = ['hrnet_w16_lspet_128x128_best.py']

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox', padding=1.1),
    dict(type='RandomScale', spread=0.2),
    dict(type='RandomRotation', degrees=30, prob=0.6),
    dict(type='RandomFlip'),
    dict(type='WarpAffine'),
    dict(type='ColorJitter'),
    dict(type='PackPose'),
]

train_cfg = dict(max_epochs=40, val_interval=20)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=40, eta_min=1e-6, end=40, convert_to_iter_based=True),
]
