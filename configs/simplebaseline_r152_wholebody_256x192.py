# SimpleBaseline with ResNet-152 on COCO-WholeBody at 256x192: the deeper network, all else as with ResNet-50.
_base_ = ['simplebaseline_r50_wholebody_256x192.py']

model = dict(backbone=dict(depth=152))

train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=256)
