# Joints in mmpose's manner. Left and right of a finger's side are not in the names, but in `swap`.
dataset_info = dict(
    dataset_name='hand',
    keypoint_info={
        0: dict(name='wrist', id=0, color=[255, 128, 0], type='', swap=''),
        1: dict(name='index', id=1, color=[255, 128, 0], type='upper', swap='ring'),
        2: dict(name='middle', id=2, color=[255, 128, 0], type='upper', swap=''),
        3: dict(name='ring', id=3, color=[255, 128, 0], type='upper', swap='index'),
    },
    skeleton_info={
        0: dict(link=('wrist', 'index'), id=0, color=[0, 255, 0]),
        1: dict(link=('wrist', 'ring'), id=1, color=[0, 255, 0]),
    },
    joint_weights=[1.0, 1.0, 1.0, 1.0],
    sigmas=[0.03, 0.04, 0.04, 0.04],
)
