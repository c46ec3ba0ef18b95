# A backbone of one's own on generated people: all but the network is the demo's.
# The data: python tools/data/make_synthetic.py data/synthetic
_base_ = ['hrpose::hrnet_w16_synthetic_128x96.py']

custom_imports = dict(imports=['convnext'])

# From scratch in few epochs: blocks that count from the start, where the published 1e-6 lets them in slowly.
model = dict(backbone=dict(_delete_=True, type='ConvNeXt', layer_scale=1.0))

optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=2e-3, weight_decay=0.05))
