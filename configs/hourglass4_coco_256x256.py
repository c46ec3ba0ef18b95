# Newell's Hourglass with 4 stacks on COCO at 256x256; all else as with 8.
_base_ = ['hourglass8_coco_256x256.py']

model = dict(head=dict(num_stacks=4))
