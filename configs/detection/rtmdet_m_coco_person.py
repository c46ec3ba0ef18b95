# RTMDet-m (Lyu et al., 2022) for people alone, at 640x640, as in mmpose's demos. This trains on COCO's people.
# The published weights were trained on those of Objects365 too.
_base_ = ['mmdet::rtmdet/rtmdet_m_8xb32-300e_coco.py']

persons = dict(classes=('person',))

model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmdetection/v3.0/rtmdet/cspnext_rsb_pretrain/'
            'cspnext-m_8xb256-rsb-a1-600e_in1k-ecb3bbd9.pth',
        )
    ),
    bbox_head=dict(num_classes=1),
    test_cfg=dict(nms_pre=1000, score_thr=0.05, nms=dict(iou_threshold=0.6), max_per_img=100),
)
train_dataloader = dict(dataset=dict(metainfo=persons))
val_dataloader = dict(dataset=dict(metainfo=persons))
test_dataloader = dict(dataset=dict(metainfo=persons))
