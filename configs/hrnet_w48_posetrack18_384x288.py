# HRNet-W48 on PoseTrack18 at 384x288: the network and input size of the paper's table 5, fine-tuned in the same way as
# hrnet_w32_posetrack18_256x192.py, with the batch of 4 x 24 that the network has on COCO.
_base_ = ['hrnet_w32_posetrack18_256x192.py']

codec = dict(input_size=(288, 384), sigma=3)
model = dict(backbone=dict(arch='w48'))

load_from = 'hrnet_w48_coco_384x288'
train_dataloader = dict(batch_size=24)
auto_scale_lr = dict(base_batch_size=96)
