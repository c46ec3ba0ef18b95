# A codec from a plug-in on generated people; all else is the demo's.
# Make the data first: python tools/data/make_synthetic.py data/synthetic
_base_ = ['hrpose::hrnet_w16_synthetic_128x96.py']

custom_imports = dict(imports=['subpixel_heatmap'])

codec = dict(type='SubpixelHeatmap')
