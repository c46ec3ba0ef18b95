# HRNet-W48 on Human-Art at 256x192: the wider network, all else as for W32.
_base_ = ['hrnet_w32_humanart_256x192.py']

model = dict(backbone=dict(arch='w48'))

train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=256)
