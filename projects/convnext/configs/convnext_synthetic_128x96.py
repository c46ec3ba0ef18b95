# A backbone from a plug-in on generated people; all else is the demo's.
# Make the data first: python tools/data/make_synthetic.py data/synthetic
_base_ = ['hrpose::hrnet_w16_synthetic_128x96.py']

custom_imports = dict(imports=['convnext'])

# For few epochs from scratch: with the published 1e-6 the blocks would contribute only after many steps.
model = dict(backbone=dict(_delete_=True, type='ConvNeXt', layer_scale=1.0))

optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=2e-3, weight_decay=0.05))
