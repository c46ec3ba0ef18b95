# SimpleBaseline's schedule (Xiao et al., ECCV 2018): HRNet's optimizer and batch for 140 epochs, a tenth of the rate
# from epoch 90, and again from 120. On COCO it augments less: see simplebaseline_r50_coco_256x192.py.
_base_ = ['recipe_official.py']

train_cfg = dict(max_epochs=140)
param_scheduler = [dict(type='MultiStepLR', milestones=[90, 120], gamma=0.1)]
