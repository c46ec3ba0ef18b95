# The official release's schedule (Sun et al., CVPR 2019): 210 epochs of Adam, a tenth of the rate from epoch 170, and
# again from 200. Its yaml also has a weight decay, but its code does not pass it to Adam.
_base_ = ['runtime.py']

train_cfg = dict(max_epochs=210, val_interval=10)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = [dict(type='MultiStepLR', milestones=[170, 200], gamma=0.1)]
auto_scale_lr = dict(base_batch_size=128)  # 4 GPUs x 32; --auto-scale-lr adapts the rate to yours
