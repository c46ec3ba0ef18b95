"""The embedded data set: generated people in COCO's layout, for demos and tests without a download.

body.py        proportions, joint limits, poses: a skeleton in three dimensions
appearance.py  flesh, face, hair, clothes; light
scene.py       people and things in front of a camera
shapes.py      the solid that everything is made of, and its exact projection
background.py  ground, walls, houses, hills
render.py      scene -> image, masks, keypoints with computed visibility
coco.py        images and annotations on disk
motion.py      people who walk and gesture, and a camera that follows
video.py       videos of them in PoseTrack18's layout
folder.py      folders that are filled once, and never half
"""

from hrpose.synthetic.coco import annotation_file, make_dataset, make_image
from hrpose.synthetic.video import make_videos

__all__ = ['annotation_file', 'make_dataset', 'make_image', 'make_videos']
