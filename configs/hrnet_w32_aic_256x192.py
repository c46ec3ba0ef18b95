# HRNet-W32 on AI Challenger at 256x192, 14 joints, by mmpose's recipe; AP with the data set's own sigmas on annotated
# boxes. The annotations are those that mmpose provides in COCO's layout; they have no areas.
_base_ = ['hrnet_w32_coco_256x192_mmpose_recipe.py']

metainfo = 'aic'
data_root = 'data/aic'

train_dataloader = dict(
    dataset=dict(
        ann_file='annotations/aic_train.json',
        data_prefix=dict(img='ai_challenger_keypoint_train_20170902/keypoint_train_images_20170902'),
    )
)
val_dataloader = dict(
    dataset=dict(
        ann_file='annotations/aic_val.json',
        data_prefix=dict(img='ai_challenger_keypoint_validation_20170911/keypoint_validation_images_20170911'),
    )
)
val_evaluator = dict(use_area=False)
