# HRNet-W32 on Human-Art at 256x192: people in paintings, sculptures and photographs, with COCO's joints, by mmpose's
# recipe. It trains on Human-Art and COCO, in one file that comes with Human-Art, and validates on annotated boxes. The
# detected boxes that come with Human-Art instead:
#   --cfg-options test_dataloader.dataset.bbox_file=\
#     HumanArt/person_detection_results/HumanArt_validation_detections_AP_H_56_person.json
_base_ = ['hrnet_w32_coco_256x192_mmpose_recipe.py']

metainfo = 'humanart'
data_root = 'data'

train_dataloader = dict(
    dataset=dict(ann_file='HumanArt/annotations/training_humanart_coco.json', data_prefix=dict(img='')),
)
val_dataloader = dict(
    dataset=dict(ann_file='HumanArt/annotations/validation_humanart.json', data_prefix=dict(img='')),
)
