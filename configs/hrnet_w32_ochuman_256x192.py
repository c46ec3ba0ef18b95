# HRNet-W32 on OCHuman at 256x192: heavily occluded people with COCO's joints, for tests only. It trains on COCO by
# mmpose's recipe, and COCO's weights can be tested as they are. OCHuman's test split instead of val:
#   --cfg-options test_dataloader.dataset.ann_file=annotations/ochuman_coco_format_test_range_0.00_1.00.json
_base_ = ['hrnet_w32_coco_256x192_mmpose_recipe.py']

metainfo = 'ochuman'
data_root = 'data/ochuman'

train_dataloader = dict(dataset=dict(data_root='data/coco'))
val_dataloader = dict(
    dataset=dict(
        ann_file='annotations/ochuman_coco_format_val_range_0.00_1.00.json',
        data_prefix=dict(img='images'),
    )
)
