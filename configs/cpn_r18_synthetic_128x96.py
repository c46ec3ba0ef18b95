# A small CPN with ResNet-18 on the demo's generated people; all else as hrnet_w16_synthetic_128x96.py.
_base_ = ['hrnet_w16_synthetic_128x96.py']

model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18, num_outputs=4),
    head=dict(_delete_=True, type='CPNHead', loss=dict(type='KeypointOHKMMSELoss', top_k=8)),
)
