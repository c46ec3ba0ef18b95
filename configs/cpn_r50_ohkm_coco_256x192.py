# CPN with ResNet-50 on COCO at 256x192, as published: RefineNet learns each person's eight hardest joints.
_base_ = ['cpn_r50_coco_256x192.py']

model = dict(head=dict(loss=dict(_delete_=True, type='KeypointOHKMMSELoss', top_k=8)))
