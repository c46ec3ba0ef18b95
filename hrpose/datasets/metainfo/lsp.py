"""The 14 joints of Leeds Sports Pose and its extension (Johnson and Everingham, 2010 and 2011).

The data set publishes no OKS sigmas; these are COCO's for the like-named joints, and the ear's for neck and
top of the head. AP with them is comparable only with itself; PCK is the data set's own measure.
"""

LSP = dict(
    dataset_name='lsp',
    keypoint_names=(
        'right_ankle',
        'right_knee',
        'right_hip',
        'left_hip',
        'left_knee',
        'left_ankle',
        'right_wrist',
        'right_elbow',
        'right_shoulder',
        'left_shoulder',
        'left_elbow',
        'left_wrist',
        'neck',
        'head_top',
    ),
    flip_indices=(5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13),
    skeleton=(
        (0, 1),
        (1, 2),
        (2, 3),
        (3, 4),
        (4, 5),
        (6, 7),
        (7, 8),
        (8, 12),
        (12, 9),
        (9, 10),
        (10, 11),
        (12, 13),
        (8, 2),
        (9, 3),
    ),
    sigmas=(
        0.089,
        0.087,
        0.107,
        0.107,
        0.087,
        0.089,
        0.062,
        0.072,
        0.079,
        0.079,
        0.072,
        0.062,
        0.035,
        0.035,
    ),
    upper_body_ids=(6, 7, 8, 9, 10, 11, 12, 13),
)
