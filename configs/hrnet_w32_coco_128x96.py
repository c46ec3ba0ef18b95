# HRNet-W32 on COCO at 128x96, an input size of figure 6 of Sun et al. (CVPR 2019), all else as at 256x192; which
# Gaussian it had there is not in the paper. SimpleBaseline beside it: simplebaseline_r50_coco_256x192.py with the
# option --cfg-options codec.input_size="(96,128)"
_base_ = ['hrnet_w32_coco_256x192.py']

codec = dict(input_size=(96, 128))
