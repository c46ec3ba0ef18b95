# mmpose's hourglass52 with one stack on MPII at 256x256, trained by HRNet's recipe on MPII; mmpose's weights are by its
# own.
_base_ = ['hrnet_w32_mpii_256x256.py']

model = dict(
    backbone=dict(_delete_=True, type='Hourglass52', num_stacks=1),
    head=dict(type='StackedHeatmapHead'),
)
