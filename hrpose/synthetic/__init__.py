"""The embedded data set: generated people in COCO's layout, for demos and tests without a download.

body.py        proportions, joint limits, poses: a skeleton in three dimensions
appearance.py  flesh, face, hair, clothes; light
scene.py       people and things in front of a camera
shapes.py      the one solid that all is made of, and its exact picture
background.py  ground, walls, houses, hills
render.py      scene -> picture, masks, key points with computed visibility
coco.py        pictures and annotations on disk
"""

from hrpose.synthetic.coco import annotation_file, make_dataset, make_image

__all__ = ['annotation_file', 'make_dataset', 'make_image']
