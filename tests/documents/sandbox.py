"""A folder in which the documents' commands run: the data, images and weights that they name, in small."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import torch

from hrpose.apis import init_model
from hrpose.apis.detector import init_detector
from hrpose.checkpoints.table import PUBLISHED
from hrpose.cli.infer import DETECTOR as DEFAULT
from hrpose.config import link, read_config
from hrpose.synthetic import make_dataset
from hrpose.synthetic import make_videos as make_sequences
from tests.documents.blocks import ROOT, blocks_of
from tests.documents.shrink import shrink
from tests.drawn import draw_samples

W32, W16 = 'hrnet_w32_coco_256x192', 'hrnet_w16_synthetic_128x96'
DETECTOR = 'configs/detection/rtmdet_nano_synthetic_224x224.py'
# What stands for something of the reader's own -> what the sandbox has.
PLACEHOLDERS = {
    'DET_CONFIG': DETECTOR,
    'DET_CHECKPOINT': 'detector.pth',
    'DET_WEIGHTS': 'detector.pth',
    'COMMAND': 'train',
    'CONFIG': f'configs/{W32}.py',
    'CHECKPOINT': 'w32.pth',
    'WEIGHTS': 'w48.pth',
    'SOURCE': 'clip.mp4',
    '/path/to/': 'data/',
    '/data/': 'data/',
    "'cuda'": "'cpu'",
}
# Variables that programs take for given.
NAMES = f"""
import cv2
from hrpose.apis import PersonDetector, PoseInferencer
config, weights = '{DETECTOR}', 'detector.pth'
first = second = cv2.imread('photo.jpg')
pose = PoseInferencer('{W16}', 'work_dirs/{W16}/epoch_8.pth', detector=PersonDetector(config, weights))
"""


def replaced(text: str) -> str:
    """Return the text of a block with the sandbox's files in place of a reader's own."""
    names = '|'.join(rf'(?<![\w/]){name}' + (r'\b' if name[-1].isalpha() else '') for name in PLACEHOLDERS)
    return re.sub(names, lambda found: PLACEHOLDERS[found[0]], text)


def make_sandbox(root: Path) -> Path:
    """Fill the folder `root`; returns it."""
    for name in ('configs', 'tools'):
        (root / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / 'projects', root / 'projects')  # `new-project` adds one
    (root / 'docs').mkdir()
    (root / 'mine.py').write_text(next(block.text for block in blocks_of(ROOT / 'docs/own_data.md')))
    (root / 'my_config.py').write_text(f"_base_ = ['hrpose::{W32}.py']\n")
    shutil.copytree(ROOT / 'tests/config/mmpose_style', root, dirs_exist_ok=True)
    for name in ('theirs.py', 'td-hm_hrnet-w32_mine.py'):
        shutil.copy(root / 'hrnet_udp.py', root / name)
    samples = draw_samples(root / 'samples')
    make_coco(root, samples / 'coco')
    make_own_data(root, samples / 'coco')
    make_videos(root, samples / 'posetrack18')
    make_lspet(root, samples / 'lspet')
    make_dataset(root / 'data/synthetic', train=8, val=4, workers=1)
    make_sequences(root / 'data/synthetic_video', train=2, val=1, frames=12, workers=1)
    make_weights(root)
    return root


def make_coco(root: Path, drawn: Path) -> None:
    """Put COCO into data/coco, and its images and boxes where commands look for a reader's own."""
    content = json.loads((drawn / 'test_coco.json').read_text())
    annotations = root / 'data/coco/annotations'
    annotations.mkdir(parents=True)
    for split in ('train2017', 'val2017', 'test2017'):
        shutil.copytree(drawn, root / 'data/coco' / split, ignore=shutil.ignore_patterns('*.json'))
        (annotations / f'person_keypoints_{split}.json').write_text(json.dumps(content))
        with zipfile.ZipFile(root / f'data/coco/{split}.zip', 'w') as archive:
            for path in (root / 'data/coco' / split).iterdir():
                archive.write(path, f'{split}/{path.name}')
    (annotations / 'image_info_test-dev2017.json').write_text(json.dumps({**content, 'annotations': []}))
    for folder in (root, root / 'data/coco'):
        for name in ('dets.json', 'test-dev_dets.json', 'boxes.json'):
            shutil.copy(drawn / 'test_coco_det_AP_H_56.json', folder / name)
    for folder in ('photos', 'folder', 'val2017'):
        shutil.copytree(root / 'data/coco/val2017', root / folder)
    for name in ('annotations.json', 'person_keypoints_val2017.json'):
        shutil.copy(drawn / 'test_coco.json', root / name)
    for name in ('photo.jpg', 'a.jpg', 'b.jpg', 'street.jpg'):
        shutil.copy(root / 'photos/000000000785.jpg', root / name)


def make_own_data(root: Path, drawn: Path) -> None:
    """Put people with the five joints of mine.py into data/mine."""
    content = json.loads((drawn / 'test_coco.json').read_text())
    names = content['categories'][0]['keypoints']
    places = [names.index(name) for name in ('nose', 'left_wrist', 'right_wrist', 'left_ankle', 'right_ankle')]
    content['categories'][0] |= {
        'keypoints': ['head', 'left_hand', 'right_hand', 'left_foot', 'right_foot'],
        'skeleton': [],
    }
    for person in content['annotations']:
        joints = person['keypoints']
        person['keypoints'] = [value for place in places for value in joints[3 * place : 3 * place + 3]]
        person['num_keypoints'] = sum(flag > 0 for flag in person['keypoints'][2::3])
    shutil.copytree(drawn, root / 'data/mine/images', ignore=shutil.ignore_patterns('*.json'))
    for split in ('train', 'val'):
        (root / 'data/mine' / f'{split}.json').write_text(json.dumps(content))


def make_videos(root: Path, drawn: Path) -> None:
    """Put PoseTrack18 into data/posetrack18 and where commands look for a reader's own, and a video beside them."""
    shutil.copytree(drawn, root / 'data/posetrack18')
    for name in ('annotations', 'images'):
        shutil.copytree(drawn / name, root / name)
    shutil.copy(next(drawn.glob('videos/*/*.mp4')), root / 'clip.mp4')
    frames = [dict(image_id=number, category_id=1, bbox=[300, 40, 300, 620], score=0.9) for number in range(5)]
    boxes = json.loads((root / 'boxes.json').read_text())
    (root / 'boxes.json').write_text(json.dumps(boxes + frames))


def make_lspet(root: Path, drawn: Path) -> None:
    """Put Leeds Sports Pose Extended into data/lspet, with the same people to learn and to judge by."""
    shutil.copytree(drawn, root / 'data/lspet')
    shutil.copy(drawn / 'annotations/lspet_val.json', root / 'data/lspet/annotations/lspet_train.json')


def initial(config: str | Path) -> dict:
    """Return the initial weights of a config in small, as a checkpoint holds them."""
    return {'state_dict': init_model(link(shrink(read_config(config)))).state_dict()}


def finder(config: str | Path, *, score: float = -2.0, distance: float = 16.0) -> dict:
    """Return the initial weights of an RTMDet, changed so that it finds a few large boxes.

    Args:
        config: of the detector.
        score: bias of the logit of a box.
        distance: bias of the distance from a cell to the sides, as the head puts it out.
    """
    model = init_detector(config)
    for scores, distances in zip(model.bbox_head.rtm_cls, model.bbox_head.rtm_reg, strict=True):
        scores.bias.data.fill_(score)
        scores.weight.data.mul_(1000)  # so that few are high, and no two are equal
        distances.bias.data.fill_(distance)
    return {'state_dict': model.state_dict()}


def make_weights(root: Path) -> None:
    """Write initial weights under the names of published and of trained ones."""
    torch.manual_seed(0)
    demo, w32, w48 = initial(W16), initial(W32), initial('hrnet_w48_posetrack18_384x288')
    keys = ((key.removeprefix('backbone.').removeprefix('head.'), key) for key in w32['state_dict'])
    official = {theirs: w32['state_dict'][ours] for theirs, ours in keys}
    detector, tiny = finder(ROOT / DETECTOR), finder('mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py')
    files = {
        f'weights/{PUBLISHED[W32].file}': w32,
        f'weights/{PUBLISHED[DEFAULT].file}': finder(DEFAULT, score=0.0, distance=4.0),
        'w32.pth': w32,
        'hrnet_w32.pth': w32,
        'my.pth': w32,
        f'work_dirs/{W32}/epoch_210.pth': w32,
        'pose_hrnet_w32_256x192.pth': {'state_dict': official},
        f'work_dirs/{W16}/epoch_8.pth': demo,
        'work_dirs/hrnet_w16_synthetic_video_128x96/epoch_4.pth': initial('hrnet_w16_synthetic_video_128x96'),
        'work_dirs/mine/epoch_210.pth': initial(root / 'mine.py'),
        'w48.pth': w48,
        'detector.pth': detector,
        'rtmdet.pth': detector,
        'rtmdet_tiny.pth': tiny,
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({**content, 'meta': {}}, path)
    name = DETECTOR.removeprefix('configs/')
    (root / 'rtmdet.py').write_text(f"_base_ = ['hrpose::{name}']\n")
