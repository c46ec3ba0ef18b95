"""The joints of known data sets, in the order of their annotation.

OKS sigmas are COCO's (cocodataset.org, its evaluation page); those of CrowdPose's evaluation code, crowdposetools, are
the same. AI Challenger and COCO-WholeBody have published their own, in which left and right differ. The other data sets
publish none: they have COCO's for joints of the same name, and for the others the sigma of a similar joint. AP with
such sigmas is comparable only with itself: LSP's own metric is PCK, MPII's is PCKh.

ap10k        17 joints of animals in AP-10K (Yu et al., NeurIPS 2021)
aic          14 joints of AI Challenger (Wu et al., 2017)
coco         17 joints (Lin et al., 2014)
coco_wholebody  133 joints: COCO's, 6 of the feet, 68 of the face, 21 of each hand (Jin et al., ECCV 2020)
crowdpose    14 joints (Li et al., CVPR 2019)
halpe        136 joints: COCO's, head, neck and hip, then those of COCO-WholeBody in another order (Fang et al., 2022)
humanart     COCO's joints in Human-Art (Ju et al., CVPR 2023)
jhmdb        15 joints of sub-JHMDB (Jhuang et al., ICCV 2013)
lsp          14 joints of Leeds Sports Pose and its extension (Johnson and Everingham, 2010 and 2011)
mpii         16 joints (Andriluka et al., CVPR 2014)
ochuman      COCO's joints in OCHuman (Zhang et al., CVPR 2019)
posetrack18  17 joints (Andriluka et al., CVPR 2018); the ears keep COCO's places, but are never annotated
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hrpose.datasets.metainfo.names import infer_flip_indices
from hrpose.datasets.metainfo.wholebody import (
    FACE,
    FACE_SIGMAS,
    FOOT,
    FOOT_SIGMAS,
    HAND_SIGMAS,
    HANDS,
    hand_limbs,
    mirrored_face,
)

SIGMAS = {
    'nose': 0.026,
    'eye': 0.025,
    'ear': 0.035,
    'shoulder': 0.079,
    'elbow': 0.072,
    'wrist': 0.062,
    'hip': 0.107,
    'knee': 0.087,
    'ankle': 0.089,
}
LOWER_BODY = {'pelvis', 'hip', 'knee', 'ankle', 'Root of tail', 'Hip', 'Knee', 'B_Paw'}


def both_sides(*parts: str) -> tuple[str, ...]:
    """Return the names of the left and the right joint of each part."""
    return tuple(f'{side}_{part}' for part in parts for side in ('left', 'right'))


BODY = both_sides('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
# From the right ankle up and down to the left one, and likewise the arms: LSP's and MPII's order.
LEGS = ('right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle')
ARMS = ('right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist')


def known_metainfo(
    name: str,
    names: tuple[str, ...],
    skeleton: tuple[tuple[int, int], ...],
    stands_for: Mapping[str, str] | None = None,
    sigmas: Sequence[float] | None = None,
    upper_body_ids: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Return the metainfo of a data set.

    Args:
        name: of the data set.
        names: of its K joints.
        skeleton: limbs, pairs of joints counted from 0.
        stands_for: joint without a sigma of its own -> joint of `SIGMAS` that lends it one.
        sigmas: (K,) where the data set has its own, in place of those of `SIGMAS`.
        upper_body_ids: by default all but those of `LOWER_BODY`.
    """
    flip = list(infer_flip_indices(names))
    if FACE[0] in names:  # whose names tell no sides
        first = names.index(FACE[0])
        flip[first : first + len(FACE)] = [first + mirror for mirror in mirrored_face()]
    parts = [re.sub('^(left|right|L|R)_', '', joint) for joint in names]
    return {
        'dataset_name': name,
        'keypoint_names': names,
        'flip_indices': tuple(flip),
        'skeleton': skeleton,
        'sigmas': tuple(sigmas or (SIGMAS[(stands_for or {}).get(part, part)] for part in parts)),
        'upper_body_ids': tuple(
            upper_body_ids or (joint for joint, part in enumerate(parts) if part not in LOWER_BODY)
        ),
    }


# fmt: off
AIC = known_metainfo(
    'aic',
    (*(f'{side}_{part}' for limb in (('shoulder', 'elbow', 'wrist'), ('hip', 'knee', 'ankle'))
       for side in ('right', 'left') for part in limb), 'head_top', 'neck'),
    ((2, 1), (1, 0), (0, 13), (13, 3), (3, 4), (4, 5), (8, 7), (7, 6), (6, 9), (9, 10), (10, 11), (12, 13), (0, 6),
     (3, 9)),
    sigmas=(0.01388152, 0.01515228, 0.01057665, 0.01417709, 0.01497891, 0.01402144, 0.03909642, 0.03686941, 0.01981803,
            0.03843971, 0.03412318, 0.02415081, 0.01291456, 0.01236173),
)
AP10K = known_metainfo(
    'ap10k',
    ('L_Eye', 'R_Eye', 'Nose', 'Neck', 'Root of tail',
     *(f'{side}_{part}' for side in 'LR' for part in ('Shoulder', 'Elbow', 'F_Paw')),
     *(f'{side}_{part}' for side in 'LR' for part in ('Hip', 'Knee', 'B_Paw'))),
    ((0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (3, 5), (5, 6), (6, 7), (3, 8), (8, 9), (9, 10), (4, 11), (11, 12),
     (12, 13), (4, 14), (14, 15), (15, 16)),
    {'Eye': 'eye', 'Nose': 'nose', 'Neck': 'ear', 'Root of tail': 'ear', 'Shoulder': 'shoulder', 'Elbow': 'elbow',
     'F_Paw': 'wrist', 'Hip': 'hip', 'Knee': 'knee', 'B_Paw': 'ankle'},
)
COCO = known_metainfo(
    'coco',
    ('nose', *both_sides('eye', 'ear'), *BODY),
    ((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
     (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
)
COCO_WHOLEBODY = known_metainfo(
    'coco_wholebody',
    (*COCO['keypoint_names'], *(f'{side}_{part}' for side in ('left', 'right') for part in FOOT), *FACE, *HANDS),
    (*COCO['skeleton'], (15, 17), (15, 18), (15, 19), (16, 20), (16, 21), (16, 22), *hand_limbs(91), *hand_limbs(112)),
    sigmas=(*COCO['sigmas'], *FOOT_SIGMAS, *FACE_SIGMAS, *HAND_SIGMAS, *HAND_SIGMAS),
    upper_body_ids=COCO['upper_body_ids'],
)
CROWDPOSE = known_metainfo(
    'crowdpose',
    (*BODY, 'top_head', 'neck'),
    # The skeleton in the files is COCO's, whose numbers name other joints here.
    ((10, 8), (8, 6), (11, 9), (9, 7), (6, 7), (0, 6), (1, 7), (0, 13), (1, 13), (0, 2), (1, 3), (2, 4), (3, 5),
     (12, 13)),
    {'top_head': 'shoulder', 'neck': 'shoulder'},
)
JHMDB = known_metainfo(
    'jhmdb',
    ('neck', 'belly', 'head',
     *(f'{side}_{part}' for part in ('shoulder', 'hip', 'elbow', 'knee', 'wrist', 'ankle')
       for side in ('right', 'left'))),
    ((13, 9), (9, 5), (5, 1), (1, 6), (6, 10), (10, 14), (1, 0), (0, 2), (0, 3), (3, 7), (7, 11), (0, 4), (4, 8),
     (8, 12)),
    {'neck': 'eye', 'belly': 'hip', 'head': 'eye'},
)
LSP = known_metainfo(
    'lsp',
    (*LEGS, *ARMS, 'neck', 'head_top'),
    ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 12), (12, 9), (9, 10), (10, 11), (12, 13), (8, 2),
     (9, 3)),
    {'neck': 'ear', 'head_top': 'ear'},
)
MPII = known_metainfo(
    'mpii',
    (*LEGS, 'pelvis', 'thorax', 'upper_neck', 'head_top', *ARMS),
    ((0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9), (10, 11), (11, 12), (12, 7), (7, 13),
     (13, 14), (14, 15)),
    {'pelvis': 'hip', 'thorax': 'shoulder', 'upper_neck': 'ear', 'head_top': 'ear'},
)
HALPE = known_metainfo(
    'halpe',
    (*COCO['keypoint_names'], 'head', 'neck', 'hip', *both_sides(*FOOT), *FACE, *HANDS),
    ((15, 13), (13, 11), (11, 19), (16, 14), (14, 12), (12, 19), (17, 18), (18, 19), (18, 5), (5, 7), (7, 9), (18, 6),
     (6, 8), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6), (15, 20), (15, 22), (15, 24), (16, 21),
     (16, 23), (16, 25), *hand_limbs(94, root=9), *hand_limbs(115, root=10)),
    sigmas=(*COCO['sigmas'], *3 * (0.08,), *6 * (0.089,), *110 * (0.015,)),
    upper_body_ids=(*COCO['upper_body_ids'], 17, 18),
)
HUMANART = {**COCO, 'dataset_name': 'humanart'}
OCHUMAN = {**COCO, 'dataset_name': 'ochuman'}
# head_bottom is the upper neck. It and head_top stand in the eyes' places, and have the eyes' sigmas, as in mmpose.
POSETRACK18 = known_metainfo(
    'posetrack18',
    ('nose', 'head_bottom', 'head_top', *both_sides('ear'), *BODY),
    ((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 1), (6, 1), (5, 7), (6, 8), (7, 9),
     (8, 10), (1, 0), (0, 2)),
    {'head_bottom': 'eye', 'head_top': 'eye'},
)
# fmt: on
_ALL = (COCO, AIC, AP10K, COCO_WHOLEBODY, CROWDPOSE, HALPE, HUMANART, JHMDB, LSP, MPII, OCHUMAN, POSETRACK18)
KNOWN = {info['dataset_name']: info for info in _ALL}
