# Faster R-CNN on HRNet-W32 and HRFPN (section 3.6 of Sun et al., 2019).
# mmdet's recipe: 12 epochs of 8 GPUs x 2 images. Published: 39.5 box AP.
_base_ = ['mmdet::hrnet/faster-rcnn_hrnetv2p-w32-1x_coco.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='hrpose.HRNet',
        arch='w32',
        num_outputs=4,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://mmassets.onedl.ai/pretrain/third_party/hrnetv2_w32-dc9eeb4f.pth',
        ),
    )
)
# The backbone keeps ImageNet's statistics, as mmdet's HRNet does (`norm_eval`).
custom_hooks = [dict(type='hrpose.FixedStatisticsHook', parts=['backbone'])]
