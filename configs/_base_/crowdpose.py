# CrowdPose: 14 joints, AP by crowding level on the test split with ground-truth boxes. Loaders and pipelines are
# COCO's. As its authors do, it trains on the train and the val split together.
_base_ = ['coco.py']

metainfo = 'crowdpose'
data_root = 'data/crowdpose'

train_dataloader = dict(
    dataset=dict(
        type='CrowdPoseDataset', ann_file='annotations/crowdpose_trainval.json', data_prefix=dict(img='images')
    )
)
val_dataloader = dict(
    dataset=dict(type='CrowdPoseDataset', ann_file='annotations/crowdpose_test.json', data_prefix=dict(img='images'))
)
val_evaluator = dict(type='CrowdPoseMetric')
