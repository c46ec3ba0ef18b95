# HRNet-W32 on AP-10K at 256x256: animals of 54 species with 17 joints, by mmpose's recipe; the mean of the species' AP
# on annotated boxes. This is split 1 of 3. Its test images instead of val:
#   --cfg-options test_dataloader.dataset.ann_file=annotations/ap10k-test-split1.json
_base_ = ['hrnet_w32_coco_256x192_mmpose_recipe.py']

codec = dict(input_size=(256, 256))
metainfo = 'ap10k'
data_root = 'data/ap10k'

train_dataloader = dict(
    dataset=dict(type='AP10KDataset', ann_file='annotations/ap10k-train-split1.json', data_prefix=dict(img='data'))
)
val_dataloader = dict(
    dataset=dict(type='AP10KDataset', ann_file='annotations/ap10k-val-split1.json', data_prefix=dict(img='data'))
)
