# HRNet-W32 on COCO-WholeBody at 256x192: 133 joints of body, feet, face and hands, by mmpose's recipe; AP by part. Its
# images are COCO's. It validates on annotated boxes; the published metrics are those on a detector's boxes:
#   --cfg-options test_dataloader.dataset.bbox_file=/path/to/detections.json
_base_ = ['hrnet_w32_coco_256x192_mmpose_recipe.py']

metainfo = 'coco_wholebody'

train_dataloader = dict(
    dataset=dict(type='CocoWholeBodyDataset', ann_file='annotations/coco_wholebody_train_v1.0.json')
)
val_dataloader = dict(dataset=dict(type='CocoWholeBodyDataset', ann_file='annotations/coco_wholebody_val_v1.0.json'))
val_evaluator = dict(type='CocoWholeBodyMetric')

# Half bodies are made of body and feet alone: the 68 points of the face would move their centre there.
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomFlip'),
    dict(
        type='RandomHalfBody', prob=0.3, upper_prob=0.7, lower_body_ids=(11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22)
    ),
    dict(type='TruncatedShift', factor=0.16, prob=0.3),
    dict(type='TruncatedScale', low=0.5, high=1.5),
    dict(type='TruncatedRotation', degrees=80, prob=0.6),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]
