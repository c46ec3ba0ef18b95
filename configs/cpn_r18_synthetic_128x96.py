# A small CPN on the demo's generated people: ResNet-18, a pyramid of 64 channels; all else as its HRNet's config.
_base_ = ['hrnet_w16_synthetic_128x96.py']

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18, num_outputs=4),
    head=dict(_delete_=True, type='CPNHead', channels=64, loss=dict(type='KeypointOHKMMSELoss', top_k=8)),
)
