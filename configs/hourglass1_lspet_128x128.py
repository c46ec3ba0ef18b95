# A small Hourglass on Leeds Sports Pose Extended: one stack of 128 channels; all else as hrnet_w16_lspet_128x128.py.
_base_ = ['hrnet_w16_lspet_128x128.py']

# In few epochs it learns much faster if its first heatmaps are nearly zero.
model = dict(
    backbone=dict(_delete_=True, type='HourglassStem', channels=128),
    head=dict(
        _delete_=True,
        type='StackedHourglassHead',
        num_stacks=1,
        init_cfg=dict(type='Normal', std=0.001, override=dict(name='outs')),
    ),
)
