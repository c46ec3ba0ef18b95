# A small Hourglass on the demo's generated people: one stack of 128 channels. It halves heatmaps of 32x24 three times.
_base_ = ['hrnet_w16_synthetic_128x96.py']

# In few epochs it learns much faster if its first heatmaps are nearly zero.
model = dict(
    backbone=dict(_delete_=True, type='HourglassStem', channels=128),
    head=dict(
        _delete_=True,
        type='StackedHourglassHead',
        num_stacks=1,
        depth=3,
        init_cfg=dict(type='Normal', std=0.001, override=dict(name='outs')),
    ),
)
