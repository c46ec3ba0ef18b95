# A small Hourglass on the demo's generated people: one stack of 128 channels. It halves heatmaps of 32x24 three times.
_base_ = ['hrnet_w16_synthetic_128x96.py']

model = dict(
    backbone=dict(_delete_=True, type='HourglassStem', channels=128),
    head=dict(_delete_=True, type='StackedHourglassHead', num_stacks=1, depth=3),
)
