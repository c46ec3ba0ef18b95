# HRNet-W18-C on ImageNet (section 3.6 of Sun et al., 2019). A pose network starts from its checkpoint by
#   --cfg-options model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=FILE
_base_ = ['../_base_/imagenet.py']

model = dict(backbone=dict(arch='w18'))
