# HRNet-W32 on Halpe at 256x192: 136 joints of body, feet, face and hands, by mmpose's recipe; AP on annotated boxes. It
# trains on HICO-DET's images and validates on COCO's val2017. mmpose has the data set, but no such config.
_base_ = ['hrnet_w32_wholebody_256x192.py']

metainfo = 'halpe'
data_root = 'data/halpe'

train_dataloader = dict(
    dataset=dict(
        type='HalpeDataset',
        ann_file='annotations/halpe_train_v1.json',
        data_prefix=dict(img='hico_20160224_det/images/train2015'),
    )
)
val_dataloader = dict(dataset=dict(type='HalpeDataset', ann_file='annotations/halpe_val_v1.json'))
val_evaluator = dict(type='CocoMetric')

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomFlip'),
    dict(
        type='RandomHalfBody',
        prob=0.3,
        upper_prob=0.7,
        lower_body_ids=(11, 12, 13, 14, 15, 16, 19, 20, 21, 22, 23, 24, 25),
    ),
    dict(type='TruncatedShift', factor=0.16, prob=0.3),
    dict(type='TruncatedScale', low=0.5, high=1.5),
    dict(type='TruncatedRotation', degrees=80, prob=0.6),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]
