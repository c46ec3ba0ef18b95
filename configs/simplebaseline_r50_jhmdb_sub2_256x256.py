# SimpleBaseline with ResNet-50 on sub-JHMDB at 256x256, split 2 of 3; all else as for split 1.
_base_ = ['simplebaseline_r50_jhmdb_sub1_256x256.py']

train_dataloader = dict(dataset=dict(ann_file='annotations/Sub2_train.json'))
val_dataloader = dict(dataset=dict(ann_file='annotations/Sub2_test.json'))
