# hrnet_w16_lspet_128x128_best.py for an hour of two CPU cores: time to learn people turned, scaled and recoloured.
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

train_cfg = dict(max_epochs=120, val_interval=40)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=3e-3, weight_decay=0.01, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=120, eta_min=1e-6, end=120, convert_to_iter_based=True),
]
